"""Requests for verse in a form: what a client asks for as poems that can be written."""

from core.errors import UserError
from generate.choice import FormChoice
from generate.compose import Composition
from generate.serving.errors import ApiError, explained
from generate.serving.models import Loaded, Models
from generate.serving.poems import Poem
from generate.serving.schema import CompletionRequest, Limits, to_requests
from generate.verse.plan import Plan


def poems_of(models: Models, model: Loaded, request: CompletionRequest, limits: Limits) -> list[Poem]:
    """The poems that a request with a form asks for; takes a moment, the first time more of them.

    Raises ApiError when the model does not write in forms, or this one cannot be read or is too long.
    """
    composer = models.composer(model, request.language)
    choice = FormChoice(form=request.form, stanzas=request.stanzas, structure=request.structure, words=request.words)
    try:
        plan = choice.plan(composer.language)
        assert plan is not None, "a form is asked for"
        _check_length(plan, limits)
        return [Poem(Composition(composer, one, plan)) for one in to_requests(request)]
    except UserError as error:
        raise explained(error, "form") from error


def _check_length(plan: Plan, limits: Limits) -> None:
    whole = len(plan.form.stanzas) > 1
    if whole and plan.stanzas > 1:
        raise ApiError(400, "stanzas repeat a form of one stanza; this form has several", param="stanzas")
    lines = plan.form.lines * plan.stanzas * max(1, len(plan.structure))
    if lines > limits.max_lines:
        raise ApiError(400, f"{lines} lines are asked for; at most {limits.max_lines}", param="form")
