"""What others would run in our place, written as their experienced users write it."""
