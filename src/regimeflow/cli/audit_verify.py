"""`regimeflow audit verify`: nothing was changed, cut or added since it was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.audit_places import LogDirOption, PathArgument, find_places, refuse_both
from regimeflow.cli.reply import JsonOption, Reply, Status

if TYPE_CHECKING:
    from regimeflow.journal import ChainReport
    from regimeflow.observe.audit import AuditVerification

ANCHOR_FIX = "compare with the head that was printed when the session closed"
DAMAGE_FIX = "keep the files as they are, and restore them from a backup"


def verify(
    path: PathArgument = None,
    *,
    log_dir: LogDirOption = None,
    anchor: Annotated[
        str | None,
        typer.Option(
            "--anchor", metavar="HASH", help="A head printed earlier; it has to be found again."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the hash chains of audit and journal; exit 1 on damage."""
    refuse_both(path, log_dir)
    with Reply("audit-verify", is_json=as_json) as reply:
        places = find_places(path, log_dir)
        journal = _verify_journal(reply, places.journal, anchor)
        audit = _verify_audit(reply, places.audit, anchor)
        if anchor is not None:
            found = (journal and journal.anchor_found) or (audit and audit.anchor_found)
            _tell(reply, "anchor", "" if found else f"no head is {anchor}", "found", ANCHOR_FIX)
        if reply.is_ok and audit is not None and places.journal is not None:
            _verify_agreement(reply, places.journal, audit)
        reply.say("intact" if reply.is_ok else "DAMAGED")


def _verify_journal(reply: Reply, journal: Path | None, anchor: str | None) -> ChainReport | None:
    from regimeflow.errors import JournalError
    from regimeflow.journal import verify_chain

    if journal is None:
        reply.item("journal", Status.SKIP, seen="there is no journal here")
        return None
    try:
        report = verify_chain(journal, anchor)
        if report.anchor_found is False:  # it may be the audit's head; is the chain itself whole?
            report = verify_chain(journal)
    except JournalError as error:
        _tell(reply, "journal", str(error), "", DAMAGE_FIX)
        return None
    seen = f"{report.records} records in {report.blocks} blocks, head {report.head_hash}"
    if report.torn_bytes:
        seen += f"; {report.torn_bytes} bytes of an unfinished write at the end"
    _tell(reply, "journal", report.problem, seen, DAMAGE_FIX)
    reply.add(journal=str(journal), journal_head=report.head_hash)
    return report


def _verify_audit(reply: Reply, audit: Path | None, anchor: str | None) -> AuditVerification | None:
    from regimeflow.observe.audit import verify_audit

    if audit is None:
        reply.item("audit", Status.SKIP, seen="there is no audit file here")
        return None
    report = verify_audit(audit, anchor)
    if report.anchor_found is False:  # it may be the journal's head; is the chain itself whole?
        report = verify_audit(audit)
    _tell(reply, "audit", report.problem, f"{report.lines} lines, head {report.head}", DAMAGE_FIX)
    reply.add(audit=str(audit), audit_head=report.head)
    return report


def _verify_agreement(reply: Reply, journal: Path, audit: AuditVerification) -> None:
    from regimeflow.observe.audit_refold import disagreement

    problem = disagreement(journal, lines=audit.lines, head=audit.head)
    fix = "move the audit file away: the next start writes it again from the journal"
    _tell(reply, "agreement", problem, "the audit says what the journal says", fix)


def _tell(reply: Reply, item_id: str, problem: str, seen: str, fix: str) -> None:
    if problem:
        reply.item(item_id, Status.FAIL, seen=problem, expected="an unbroken chain", fix=fix)
        reply.say(f"{item_id:<10}FAIL  {problem}; {fix}")
    else:
        reply.item(item_id, Status.PASS, seen=seen)
        reply.say(f"{item_id:<10}pass  {seen}")
