"""What the shop's assistant does itself: it looks orders up and opens returns, in a small database of the shop's."""
