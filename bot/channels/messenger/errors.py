"""What the errors of the Send API mean.

Source: https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from bot.channels.meta.graph import ErrorCodes

CODES = ErrorCodes(
    later={
        2: None,  # the API is down for a moment
        4: None,  # the app's calls
        17: None,  # the user's calls
        32: None,  # the page's calls
        613: None,  # calls to this API
        1200: None,  # a failure that passes
        80006: None,  # the messages of a business
    },
    meanings={
        0: "the access token in credentials.yml is wrong or has expired",
        10: "over 24 hours have passed since the customer wrote, or the app may not do this",
        100: "a field of the message is wrong, or the customer is not one of this account's",
        190: "the access token in credentials.yml is wrong or has expired; write a new one",
        200: "the app may not do this; give it the permission to send messages",
        230: "the app may not do this; give it the permission to send messages",
        368: "the account is held back for breaking a rule of Meta",
        551: "the customer cannot be written to: they have blocked the account, or are gone",
        1545041: "the customer cannot be written to: they have blocked the account, or are gone",
    },
)
