"""What Messenger and Instagram share: one webhook, one way to send, and few differences."""
