"""The chat widget's server side: sessions of pages, what they send, and what is said in their conversations.

The widget has no outbox. What a customer says goes through the inbox; what is said to him is read from the events of
the conversation, so that reloads, tabs, lost networks and restarts neither lose nor double anything.
"""
