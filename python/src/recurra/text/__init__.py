"""Text for language models: tokenizers with vocabulary files, tracks to learn from, perplexity.

A text is a vector of class ids; each is predicted from all that came before it. A network for it begins with
an `Embedding` and has an output for each token; `Network.generate` writes on.
"""

from recurra.text._learn_online import learn_online
from recurra.text._perplexity import perplexity
from recurra.text._tokenizers import CharTokenizer, Tokenizer, WordTokenizer, load_tokenizer
from recurra.text._tracks import Tracks, tracks

__all__ = [
    "CharTokenizer",
    "Tokenizer",
    "Tracks",
    "WordTokenizer",
    "learn_online",
    "load_tokenizer",
    "perplexity",
    "tracks",
]
