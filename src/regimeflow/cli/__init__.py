"""The command line: one file a command; thin, so that everything it does Python can do too.

Nothing heavy is imported until a command runs, so `regimeflow --help` answers at once.
"""
