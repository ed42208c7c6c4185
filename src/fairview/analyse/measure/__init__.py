"""From finished tracks to figures: crossings, counts, flows, speeds, stays, queues."""
