"""The brokers RegimeFlow knows: what each can do, and how far that has been proved."""
