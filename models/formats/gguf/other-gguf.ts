import type { OtherModel, ReadOther } from '../other-model';
import { shortened } from '../short-text';
import type { GgufModel } from './read-gguf';
import { readGguf } from './read-gguf';

/** A GGUF file with its further parts, as the views and `headscope inspect` take it. */
export async function readGgufModel(path: string): Promise<ReadOther> {
  const read = await readGguf(path);
  return read.ok ? { ok: true, model: otherOf(read.gguf) } : read;
}

const kinds: Readonly<Record<string, string>> = {
  adapter: 'GGUF adapter',
  mmproj: 'GGUF vision part',
  vocab: 'GGUF vocabulary',
  imatrix: 'GGUF importance matrix',
};

function otherOf(gguf: GgufModel): OtherModel {
  const { weights, description, files, adapter } = gguf;
  const kind = Object.hasOwn(kinds, gguf.type)
    ? kinds[gguf.type]
    : gguf.architecture === 'clip'
      ? kinds['mmproj']
      : 'GGUF';
  const name = description?.title;
  const count = (value: number): string => value.toLocaleString('en-US');
  return {
    kind: 'gguf',
    title: [kind ?? 'GGUF', ...(gguf.format === undefined ? [] : [gguf.format])].join(' '),
    ...(name === undefined ? {} : { name: shortened(name) }),
    ...(description === undefined ? {} : { description }),
    ...(weights.parameters === 0
      ? {}
      : { parameters: { total: weights.parameters, active: weights.active, split: weights.split } }),
    bytes: weights.bytes,
    ...(weights.bitsPerWeight === undefined ? {} : { bitsPerWeight: weights.bitsPerWeight }),
    formats: [...weights.types].map(([format, share]) => ({ name: format, ...share })),
    details: [
      {
        title: 'File',
        text: `GGUF version ${gguf.version}${gguf.architecture === undefined ? '' : `, architecture ${shortened(gguf.architecture, 60)}`}`,
      },
      ...(files.length > 1 ? [{ title: 'Parts', text: count(files.length) }] : []),
      ...(gguf.tokens === undefined ? [] : [{ title: 'Tokenizer', text: `${count(gguf.tokens)} tokens` }]),
      ...(description?.parts[0]?.role === 'decoder'
        ? [{ title: 'Cache counted in', text: 'float16, the default of llama.cpp' }]
        : []),
      ...(adapter?.rank === undefined ? [] : [{ title: 'Rank', text: String(adapter.rank) }]),
      ...(adapter?.alpha === undefined ? [] : [{ title: 'Alpha', text: String(adapter.alpha) }]),
    ],
    notes: gguf.notes,
    bytesRead: gguf.bytesRead,
  };
}
