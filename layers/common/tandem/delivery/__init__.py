"""From what the ledger owes to what the stores have ingested, in order."""
