"""Images from files of any kind, read within bounds; files written whole or not at all."""
