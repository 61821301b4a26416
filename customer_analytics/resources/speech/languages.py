"""Languages as the OpenAI API names them, and their codes."""

_NAMES = """
afrikaans af, albanian sq, amharic am, arabic ar, armenian hy, assamese as, azerbaijani az, bashkir ba,
basque eu, belarusian be, bengali bn, bosnian bs, breton br, bulgarian bg, cantonese yue, catalan ca,
chinese zh, croatian hr, czech cs, danish da, dutch nl, english en, estonian et, faroese fo, finnish fi,
french fr, galician gl, georgian ka, german de, greek el, gujarati gu, haitian creole ht, hausa ha, hawaiian
haw, hebrew he, hindi hi, hungarian hu, icelandic is, indonesian id, italian it, japanese ja, javanese jv,
kannada kn, kazakh kk, khmer km, korean ko, lao lo, latin la, latvian lv, lingala ln, lithuanian lt,
luxembourgish lb, macedonian mk, malagasy mg, malay ms, malayalam ml, maltese mt, maori mi, marathi mr,
mongolian mn, myanmar my, nepali ne, norwegian no, nynorsk nn, occitan oc, pashto ps, persian fa, polish pl,
portuguese pt, punjabi pa, romanian ro, russian ru, sanskrit sa, serbian sr, shona sn, sindhi sd, sinhala
si, slovak sk, slovenian sl, somali so, spanish es, sundanese su, swahili sw, swedish sv, tagalog tl, tajik
tg, tamil ta, tatar tt, telugu te, thai th, tibetan bo, turkish tr, turkmen tk, ukrainian uk, urdu ur, uzbek
uz, vietnamese vi, welsh cy, yiddish yi, yoruba yo
"""
_CODES = {" ".join(name): code for *name, code in (entry.split() for entry in _NAMES.split(","))}


def language_code(language: str | None) -> str | None:
    """ISO 639 code of a language that a service calls `english`, or `en` already; None if it is not known."""
    if language is None:
        return None
    lowered = language.lower()
    return lowered if lowered in _CODES.values() else _CODES.get(lowered)
