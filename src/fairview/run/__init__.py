"""The system put together: node.py is the page to read."""
