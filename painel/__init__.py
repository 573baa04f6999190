"""The board: pages for those who lead the programme, from the registry alone. It shows, and changes nothing."""
