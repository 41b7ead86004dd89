"""The journal: the one truth of a run, from which everything else can be rebuilt."""

from regimeflow.journal.reader import JournalRecords, read_facts, read_records
from regimeflow.journal.records import EpochOpened, Fingerprint, Record
from regimeflow.journal.recovery import Recovered, recover
from regimeflow.journal.segments import compress_market, prune_market
from regimeflow.journal.verification import ChainReport, journal_digest, verify_chain
from regimeflow.journal.writer import Durability, JournalWriter

__all__ = [
    "ChainReport",
    "Durability",
    "EpochOpened",
    "Fingerprint",
    "JournalRecords",
    "JournalWriter",
    "Record",
    "Recovered",
    "compress_market",
    "journal_digest",
    "prune_market",
    "read_facts",
    "read_records",
    "recover",
    "verify_chain",
]
