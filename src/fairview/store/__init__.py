"""Where bytes and rows live: blobs, catalogue, heads, the sealed format and the ledger."""
