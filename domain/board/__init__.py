"""The board: where each prefeitura is, whom it waits for, and how its environments are, from what happened."""
