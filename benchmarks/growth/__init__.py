"""How cost grows: long histories, what processors spend, and charts of it."""
