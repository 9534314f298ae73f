/**
 * How tokenizers of byte-level BPE split a text into words, by the names that `tokenizer.ggml.pre` gives: patterns that are applied one
 * after the other. From llama-vocab.cpp of llama.cpp (November 2026); where it rewrites a pattern of a tokenizer.json for its
 * own engine, this is the one of the tokenizer.json.
 */

export interface PreTokenizer {
  readonly patterns: readonly string[];
  /** A word that is a token stays that token, whatever the merges give. */
  readonly ignoreMerges?: true;
  /** Every text begins with the first token, unless the file says otherwise. */
  readonly first?: true;
}

const endings = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const spaces = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
/** The words of cl100k, with this many digits in a group. */
const cl100k = (digits: string): string =>
  `${endings}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${spaces}`;
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
/** Words in which upper-case letters are followed by lower-case ones. */
const cased = (behind: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+${behind}|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*${behind}`;
const marks = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*';
const sentences = ' ?[^(\\s|.,!?…。，、।۔،)]+';
const mixed =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

const named = (pre: PreTokenizer, ...names: readonly string[]): readonly (readonly [string, PreTokenizer])[] =>
  names.map((name) => [name, pre]);

const known = new Map<string, PreTokenizer>([
  ...named(
    { patterns: [cl100k('\\p{N}{1,3}')], ignoreMerges: true, first: true },
    ...['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
  ),
  ...named({ patterns: [cl100k('\\p{N}{1,3}')] }, 'dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'),
  ...named(
    { patterns: [cl100k('\\p{N}')] },
    ...['qwen2', 'deepseek-r1-qwen', 'kormo', 'megrez', 'stablelm2', 'hunyuan', 'grok-2'],
  ),
  ...named(
    { patterns: [gpt2] },
    ...['gpt-2', 'phi-2', 'jina-es', 'jina-de', 'gigachat', 'jina-v2-es', 'jina-v2-de', 'a.x-4.0', 'mellum', 'mpt'],
    ...['olmo', 'jais', 'trillion', 'granite-docling', 'exaone4'],
  ),
  ...named(
    { patterns: ['\\p{N}', gpt2] },
    ...['starcoder', 'refact', 'command-r', 'smollm', 'codeshell', 'exaone', 'minerva-7b'],
  ),
  ...named({ patterns: ['[\\p{P}\\$\\+<=>\\^~\\|`]+', gpt2, '[0-9][0-9][0-9]'] }, 'falcon'),
  ...named({ patterns: ['[\\p{P}\\$\\+<=>\\^~\\|]+', gpt2, '\\p{N}+', '[0-9][0-9][0-9]'] }, 'default'),
  ...named(
    { patterns: ['\\p{N}{1,3}', '[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+', mixed] },
    ...['deepseek-v3', 'hunyuan-dense'],
  ),
  ...named({ patterns: [sentences] }, 'poro-chat', 'bloom', 'gpt3-finnish'),
  ...named({ patterns: [sentences, '\\p{N}'] }, 'viking'),
  ...named({ patterns: [`${cased('')}|\\p{N}|${marks}|${spaces}`], ignoreMerges: true, first: true }, 'tekken'),
  ...named({ patterns: [`${cased(`${endings}?`)}|\\p{N}{1,3}|${marks}|${spaces}`] }, 'gpt-4o', 'llama4', 'minimax-m2'),
]);

export const preTokenizer = (name: string): PreTokenizer | undefined => known.get(name);
