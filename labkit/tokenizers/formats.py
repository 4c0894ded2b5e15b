"""BPE tokenizers as other programs have them: what they write we read, what we learned they load.

- Hugging Face: `to_huggingface`, `save_huggingface` write a tokenizer.json.
- tiktoken: `to_tiktoken` makes an Encoding, `save_tiktoken` writes a file of ranks, `from_tiktoken_file` reads one.
- GPT-2: `from_gpt2` reads its vocab.json and merges.txt.

All give the ids that the other program gives; where that cannot be, an error says why.
"""

from .huggingface import from_gpt2, save_huggingface, to_huggingface
from .tiktoken_file import from_tiktoken_file, save_tiktoken, to_tiktoken

__all__ = ["from_gpt2", "from_tiktoken_file", "save_huggingface", "save_tiktoken", "to_huggingface", "to_tiktoken"]
