/**
 * A tokenizer.json as the keys that llama.cpp's conversion makes of it (convert_hf_to_gguf.py and gguf-py/gguf/vocab.py, November 2026).
 * For SentencePiece's BPE a tokenizer.json has merges but no scores: the score of a piece is minus the index of the merge that makes it.
 */
import { list, u32, type Value } from './gguf-file';

interface TokenizerFile {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly normalizer?: unknown;
  readonly model: {
    readonly type: string;
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly byte_fallback?: boolean;
    readonly unk_id?: number;
    readonly unk_token?: string | null;
  };
}

const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 };

/** `pre`: the name of the pattern, for byte-level BPE. */
export function vocabularyOf(file: unknown, pre?: string): Readonly<Record<string, Value>> {
  const { model, added_tokens: added = [], normalizer } = file as TokenizerFile;
  const { vocab } = model;
  const own: (readonly [string, number])[] = Array.isArray(vocab)
    ? (vocab as (readonly [string, number])[]).map(([token], id) => [token, id] as const)
    : Object.entries(vocab as Readonly<Record<string, number>>);
  const tokens: string[] = [];
  for (const [token, id] of own) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const isAdded = new Map(added.map((token) => [token.id, token]));
  const named = typeof model.unk_token === 'string' ? tokens.indexOf(model.unk_token) : -1;
  const unknown = model.unk_id ?? (named < 0 ? undefined : named);
  const kindOf = (token: string, id: number): number => {
    if (id === unknown) return kinds.unknown;
    const special = isAdded.get(id)?.special;
    if (special !== undefined) return special ? kinds.control : kinds.userDefined;
    return model.byte_fallback === true && /^<0x[0-9A-F]{2}>$/.test(token) ? kinds.byte : kinds.normal;
  };
  const kindsOf = Array.from(tokens, (token = '', id) => kindOf(token, id));
  const merges = (model.merges ?? []).map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge));
  const common = (name: string, all: readonly string[]): Record<string, Value> => ({
    'tokenizer.ggml.model': name,
    'tokenizer.ggml.tokens': list(...all),
    'tokenizer.ggml.token_type': list(...kindsOf.map((i32) => ({ i32 }))),
    ...(unknown === undefined ? {} : { 'tokenizer.ggml.unknown_token_id': u32(unknown) }),
  });
  const scores = (of: (id: number) => number): Record<string, Value> => ({
    'tokenizer.ggml.scores': list(...tokens.map((_, id) => ({ f32: of(id) }))),
  });
  const all = Array.from(tokens, (token = '', id) => (token === '' ? `[PAD${id}]` : token));
  if (model.type === 'WordPiece') {
    const written = all.map((token, id) =>
      kindsOf[id] !== kinds.normal || /^\[.*\]$/.test(token)
        ? token
        : token.startsWith('##')
          ? token.slice(2)
          : `▁${token}`,
    );
    return common('bert', written);
  }
  if (model.type === 'Unigram') {
    const charsmap = /"precompiled_charsmap":"([^"]*)"/.exec(JSON.stringify(normalizer ?? null))?.[1];
    const ofFile = model.vocab as readonly (readonly [string, number])[];
    return {
      ...common('t5', all),
      ...scores((id) => ofFile[id]?.[1] ?? 0),
      ...(charsmap === undefined
        ? {}
        : {
            'tokenizer.ggml.precompiled_charsmap': { list: [...Buffer.from(charsmap, 'base64')].map((u8) => ({ u8 })) },
          }),
      'tokenizer.ggml.remove_extra_whitespaces': { bool: true },
      'tokenizer.ggml.add_space_prefix': { bool: true },
    };
  }
  if (model.byte_fallback === true) {
    const place = new Map<string, number>();
    merges.forEach((pair, at) => {
      const piece = pair.join('');
      if (!place.has(piece)) place.set(piece, at);
    });
    return { ...common('llama', all), ...scores((id) => -(place.get(all[id] ?? '') ?? 1e6)) };
  }
  return {
    ...common('gpt2', all),
    ...(pre === undefined ? {} : { 'tokenizer.ggml.pre': pre }),
    'tokenizer.ggml.merges': list(...merges.map((pair) => pair.join(' '))),
  };
}
