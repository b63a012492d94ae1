"""What single notebooks try: a file for each that needs one."""
