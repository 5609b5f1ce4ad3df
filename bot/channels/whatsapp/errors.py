"""What the errors of the Cloud API mean.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from bot.channels.meta.graph import ErrorCodes

WINDOW_CLOSED = 131047
PAIR_RATE = 131056
PAIR_GAP_S = 6.0  # between two messages to one customer, on the whole
PAIR_BURST = 20  # WhatsApp allows 45 at once, and then wants their time; a restart forgets what was sent before it
CODES = ErrorCodes(
    later={
        2: None,  # the API is down for a moment, or overloaded
        4: None,  # the app's calls
        80007: None,  # the account's calls
        130429: None,  # the number's throughput
        131000: None,  # something went wrong
        131016: None,  # a service is not available
        131048: 3_600.0,  # the number is held back as a source of spam
        PAIR_RATE: PAIR_GAP_S,
        131057: 60.0,  # the account is being maintained, or its throughput raised
    },
    meanings={
        0: "access_token in credentials.yml is wrong or has expired",
        3: "the app may not do this; give it whatsapp_business_messaging",
        10: "the app may not do this; give it whatsapp_business_messaging",
        100: "a field of the message is wrong",
        190: "access_token in credentials.yml is wrong or has expired; write a new one",
        368: "the account is held back for breaking a rule of WhatsApp",
        130472: "the customer takes part in an experiment of Meta",
        130497: "the account may not write to this country",
        131005: "the app may not do this; give it whatsapp_business_messaging",
        131008: "a field of the message is missing",
        131009: "a field of the message is wrong",
        131021: "the customer's number is the bot's own",
        131026: "the customer cannot be reached: no WhatsApp, an old one, or its terms not accepted",
        131030: "a test number writes only to the numbers on its list; add this one in the app's dashboard",
        131031: "the account is locked",
        131042: "the account's payment has a problem",
        131045: "the number is not registered",
        WINDOW_CLOSED: "over 24 hours have passed since the customer wrote; name a template in credentials.yml",
        131051: "this type of message is not supported",
        131053: "the picture or the file could not be fetched or is not supported",
        132000: "the template has another number of variables",
        132001: "there is no such template in this language, or it is not approved",
        132005: "the text is too long for the template",
        132007: "the template breaks a rule of WhatsApp",
        132012: "a variable of the template has another form",
        132015: "the template is paused",
        132016: "the template is switched off",
        133010: "the number is not registered",
    },
)
