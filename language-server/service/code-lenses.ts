import { kvCache } from '../../models/formats/estimates/kv-cache';
import { isLaterPart } from '../../models/formats/gguf/parts';
import { countParameters } from '../../models/formats/expected-tensors';
import { formatBytes, formatCount, formatLength } from './figures';
import { readsText, runnable } from '../../models/architectures/catalogue';
import type { FolderFacts } from './folder-facts';
import { siblingUri } from './links';
import type { ModelFile } from './model-file';
import { attentionInShort, cachePerToken, hasCache, headWords, seesAndReads } from './part-facts';

export interface Lens {
  readonly title: string;
  /** Absent: the lens only says something. */
  readonly command?: { readonly id: string; readonly arguments: readonly unknown[] };
}

/** True when complete weights are beside the config: a git-lfs pointer or a broken header runs nothing. */
const hasWeights = (facts: FolderFacts): boolean => {
  const own = [...facts.shards.values()].filter(({ file }) => !file.startsWith('adapter'));
  return own.length > 0 && own.every(({ pointer, problem }) => !pointer && problem === undefined);
};

/** A name that would make an icon of the lens, or fill the line, is left out. */
const plainName = /^[\w.+-]{1,80}\.gguf$/;

/** The first of the GGUF files beside a config; later parts of a split one have no figures of their own. */
const ggufBeside = ({ files }: FolderFacts): readonly string[] =>
  [...files.keys()].filter((name) => plainName.test(name) && !isLaterPart(name) && !/mmproj/i.test(name)).slice(0, 1);

/** The lenses above a config: its attention in words, its size, its cache, and what can be done with it. */
export const codeLenses = (file: ModelFile, facts: FolderFacts): readonly Lens[] => {
  const { description, document } = file;
  const part = description?.parts[0];
  if (description === undefined || part === undefined || part.attention === 'none' || part.layers.length === 0)
    return [];
  const total = countParameters(description);
  const full = part.contextLength;
  return [
    // Short words, and what can be done before the further facts: a narrow window cuts the end of the line off.
    { title: attentionInShort(part) },
    {
      title: '$(graph-line) Benchmark',
      command: { id: 'headscope.benchmarkConfig', arguments: [document.uri] },
    },
    // The panel takes a prompt, which a vision encoder does not read.
    ...(runnable(description) === true && readsText(description) && hasWeights(facts)
      ? [{ title: '$(eye) Heads', command: { id: 'headscope.showHeads', arguments: [document.uri] } }]
      : []),
    ...(seesAndReads(description) && runnable(description) === true && hasWeights(facts)
      ? [
          {
            title: '$(file-media) Hallucination',
            command: { id: 'headscope.showHallucination', arguments: [document.uri] },
          },
        ]
      : []),
    { title: '$(diff) Compare…', command: { id: 'headscope.compareModels', arguments: [document.uri] } },
    ...ggufBeside(facts).map((name) => {
      const uri = siblingUri(document.uri, name);
      return {
        title: `$(diff) Compare with ${name}`,
        command: { id: 'headscope.compareModels', arguments: [document.uri, [document.uri, uri]] },
      };
    }),
    { title: `${headWords(part)}, ${part.layers.length} layers` },
    ...(total === undefined
      ? []
      : [
          {
            title: `${formatCount(total.total)} parameters${total.active === total.total ? '' : `, ${formatCount(total.active)} active`}`,
          },
        ]),
    ...(hasCache(description, part)
      ? [
          {
            title: `KV ${cachePerToken(description)}${full === undefined ? '' : `, ${formatBytes(kvCache(description, { length: full })?.value ?? 0)} at ${formatLength(full)}`}`,
          },
        ]
      : []),
  ];
};
