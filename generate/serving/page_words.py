"""What the page says, in the languages that it speaks."""

from dataclasses import dataclass
from typing import Literal

from generate.originality import COPIED
from prosody.line import Language

# As each language calls itself.
LANGUAGE_NAMES: dict[Language, str] = {"es": "español", "fr": "français", "en": "English"}


@dataclass(frozen=True, kw_only=True)
class PageWords:
    """The page in one language."""

    code: Literal["es", "en"]
    name: str
    """Of the language, as it calls itself."""
    lead: str
    model: str
    title: str
    title_hint: str
    first_line: str
    first_line_hint: str
    form: str
    form_hint: str
    free: str
    """The choice of no form."""
    reads: str
    """What is said of a form: lines, and notation."""
    stanzas: str
    structure: str
    structure_hint: str
    language: str
    not_kept: str
    generate: str
    stop: str
    more: str
    temperature: str
    temperature_hint: str
    length: str
    length_hint: str
    versions: str
    max_copied: str
    max_copied_hint: str
    banned: str
    banned_hint: str
    seed: str
    seed_hint: str
    copy: str
    copied_now: str
    download: str
    empty: str
    waiting: str
    no_models: str
    legend: str
    copied_sentence: str
    seeded: str

    def copied(self, longest: int, share: float) -> str:
        """How much of a song stands in those learnt."""
        return self.copied_sentence.format(longest=longest, share=round(100 * share), least=COPIED)


SPANISH = PageWords(
    code="es",
    name="Español",
    lead="Un modelo pequeño, entrenado desde cero con las canciones de un artista. Dale un comienzo y escribe otra.",
    model="Modelo",
    title="Título",
    title_hint="Lo piensa el modelo",
    first_line="Primer verso",
    first_line_hint="Cómo empieza, si quieres",
    form="Forma",
    form_hint="Una de la lista, o rimas y sílabas: ABBA 8. Mayúscula consonante, minúscula asonante, x sin rima.",
    free="verso libre",
    reads="{lines} versos: {notation}",
    stanzas="Estrofas",
    structure="Partes de la canción, en una forma",
    structure_hint="verso coro verso coro puente coro",
    language="Lengua del verso",
    not_kept="No se pudo cumplir la forma. {}",
    generate="Generar",
    stop="Detener",
    more="Ajustes",
    temperature="Temperatura",
    temperature_hint="Poca: lo más probable. Mucha: lo más raro.",
    length="Largo máximo",
    length_hint="En fichas: trozos de palabra. Una forma tiene el suyo.",
    versions="Versiones, una al lado de otra",
    max_copied="Palabras seguidas copiadas, como mucho",
    max_copied_hint="De las canciones con que aprendió. 0: sin límite.",
    banned="Palabras prohibidas",
    banned_hint="Separadas por espacios",
    seed="Semilla",
    seed_hint="Vacía: otra cada vez. La misma repite la canción.",
    copy="Copiar",
    copied_now="Copiado",
    download="Descargar .txt",
    empty="Aquí aparecerá la canción.",
    waiting="Pensando…",
    no_models="Todavía no hay ningún modelo: entrena uno primero.",
    legend="A la derecha, las sílabas de cada verso y su rima: mayúscula consonante, minúscula asonante. "
    "Subrayado: copiado de las canciones con que aprendió.",
    copied_sentence="Como mucho {longest} palabras seguidas como en las canciones aprendidas; "
    "copiado (desde {least}): {share} %.",
    seeded="Semilla {}.",
)

ENGLISH = PageWords(
    code="en",
    name="English",
    lead="A small model, trained from scratch on one artist's songs. Give it a beginning and it writes another.",
    model="Model",
    title="Title",
    title_hint="The model thinks of one",
    first_line="First line",
    first_line_hint="How it begins, if you like",
    form="Form",
    form_hint="One of the list, or rhymes and syllables: ABBA 8. Capitals rhyme in full, small letters by their "
    "vowels, x not at all.",
    free="free verse",
    reads="{lines} lines: {notation}",
    stanzas="Stanzas",
    structure="Sections of the song, in a form",
    structure_hint="verse chorus verse chorus bridge chorus",
    language="Language of the verse",
    not_kept="The form could not be kept. {}",
    generate="Generate",
    stop="Stop",
    more="Settings",
    temperature="Temperature",
    temperature_hint="Low: what is likely. High: what is odd.",
    length="Longest",
    length_hint="In tokens: pieces of words. A form has its own.",
    versions="Versions, side by side",
    max_copied="Copied words in a row, at most",
    max_copied_hint="From the songs it learnt from. 0: no limit.",
    banned="Banned words",
    banned_hint="With spaces between them",
    seed="Seed",
    seed_hint="Empty: a new one each time. The same writes the same song.",
    copy="Copy",
    copied_now="Copied",
    download="Download .txt",
    empty="The song will appear here.",
    waiting="Thinking…",
    no_models="There is no model yet: train one first.",
    legend="On the right, each line's syllables and rhyme: capital letters rhyme in full, small ones by their vowels. "
    "Underlined: copied from the songs it learnt from.",
    copied_sentence="At most {longest} words in a row as in the songs learnt; copied (from {least} on): {share} %.",
    seeded="Seed {}.",
)

PAGES = (SPANISH, ENGLISH)
