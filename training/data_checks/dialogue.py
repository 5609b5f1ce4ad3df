"""What is wrong with a domain, its forms, rules and stories."""

from configs.assistant import Assistant
from training.data_checks.contradictions import disagreeing_stories, overruled_stories
from training.data_checks.domain_places import DomainPlaces
from training.data_checks.finding import Finding
from training.data_checks.forms import endless_forms, unasked_slots
from training.data_checks.references import undefined_names
from training.data_checks.usage import unused_names


def dialogue_findings(assistant: Assistant) -> list[Finding]:
    """Everything there is to say about what `assistant` does after what."""
    places = DomainPlaces.of(assistant.root)
    domain, rules, stories = assistant.domain, assistant.rules, assistant.stories
    return [
        *endless_forms(domain, places),
        *unasked_slots(domain, places),
        *undefined_names(assistant, places),
        *overruled_stories(rules, stories, domain.slots),
        *disagreeing_stories(stories, domain.slots, assistant.policies.max_history),
        *unused_names(assistant, places),
    ]
