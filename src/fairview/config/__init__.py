"""One settings type: a file and the environment, parsed, resolved, then frozen."""
