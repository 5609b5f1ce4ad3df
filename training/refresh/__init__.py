"""From what people have said of messages to a release that serves, step by step."""
