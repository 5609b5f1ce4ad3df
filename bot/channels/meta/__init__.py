"""What the channels of Meta share (WhatsApp, Messenger, Instagram): signature, handshake, batches, the Graph API."""
