/** What the Models tree says of one model, from the facts of the language server. */
import { markOf, whyNotRun } from '../models/model-choices';
import type { LayerFacts, ModelFacts, ModelPartFacts, OtherFileFacts } from '../../protocol/language/requests';
import type { TreeLine } from './tree-line';

const attentionWords = {
  mha: 'multi-head',
  mqa: 'multi-query',
  gqa: 'grouped-query',
  mla: 'multi-head latent',
  none: 'no attention',
} as const;

const count = (value: number): string => value.toLocaleString('en-US');

/** 8,030,261,248 as `8.03 B`: counts of parameters, as model cards write them. */
export function parameterCount(value: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['B', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return String(value);
}

/** Powers of two: caches and files of weights are quoted so. */
export function binaryBytes(value: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? scaled : Number(scaled.toPrecision(3))} ${units[unit]}`;
}

/** `2 full, 30 window of 4,096`. */
export function layerKinds(layers: readonly LayerFacts[]): string {
  const kinds = new Map<string, number>();
  for (const layer of layers) {
    const width = layer.window === undefined ? '' : ` of ${count(layer.window)}`;
    const none = layer.cross === true ? 'of cross-attention' : 'without attention';
    const kind = layer.kind === 'none' ? none : `${layer.kind}${width}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, number]) => `${number} ${kind}`).join(', ');
}

function partLine(part: ModelPartFacts, single: boolean): TreeLine {
  const groups = part.kvHeads > 0 && part.heads > part.kvHeads ? `, ${part.heads / part.kvHeads} share one` : '';
  const perStage = [...new Set(part.layers.map((layer) => (layer.hiddenSize === undefined ? 0 : layer.heads)))];
  const heads =
    perStage.length > 1
      ? `${perStage.join(', ')} heads of ${part.headDim} in its stages`
      : `${part.heads} query heads on ${part.kvHeads} key/value heads of ${part.headDim}${groups}`;
  const description = part.attention === 'none' ? attentionWords.none : `${attentionWords[part.attention]}, ${heads}`;
  return {
    label: single ? 'Attention' : part.path === '' ? part.role : part.path,
    description,
    tooltip: [
      description,
      `${part.layers.length} layers: ${layerKinds(part.layers)}`,
      `hidden size ${count(part.hiddenSize)}`,
    ],
    icon: part.role === 'vision' ? 'eye' : part.role === 'audio' ? 'unmute' : 'layers',
  };
}

const otherIcons: Readonly<Record<OtherFileFacts['kind'], string>> = {
  gguf: 'package',
  onnx: 'circuit-board',
  adapter: 'plug',
};

/** A line that leads to the base model of an adapter. */
export const baseLine = (name: string): TreeLine => ({
  label: 'Show the base model',
  description: name,
  icon: 'arrow-right',
});

/** The line of a model that comes with Headscope. */
export const demoLine = (folder: string, label: string): TreeLine => {
  const name = label.replace(/ \(.*\)$/, '');
  const description = 'comes with Headscope, ready to run';
  return { id: folder, label: name, description, icon: 'play-circle', spoken: `${name}, ${description}` };
};

/** The line of a model; `facts` once they were read. */
export function modelLine(
  {
    uri,
    label,
    family,
    sentence,
    other,
  }: {
    readonly uri: { toString(): string };
    readonly label: string;
    readonly family: string;
    readonly sentence: string;
    readonly other?: Pick<OtherFileFacts, 'kind' | 'title'>;
  },
  place: string,
  facts?: ModelFacts,
): TreeLine {
  if (other !== undefined) {
    return {
      id: uri.toString(),
      label,
      description: sentence,
      tooltip: [label, sentence, ...(family === 'none' ? [] : [`family ${family}`]), place],
      icon: otherIcons[other.kind],
      spoken: `${label}, ${sentence}`,
    };
  }
  const mark = facts && markOf(facts);
  const why = facts && whyNotRun(facts, label);
  const wrong = facts !== undefined && facts.errors > 0;
  const errors =
    wrong && why === undefined ? ['Its config.json has errors, so a run may fail: they are listed in Problems.'] : [];
  return {
    id: uri.toString(),
    label,
    description: mark === undefined ? sentence : `${reasonOf(mark, facts)} · ${sentence}`,
    tooltip: [label, sentence, `family ${family}`, place, ...(why === undefined ? errors : [why])],
    icon: wrong ? 'error' : 'symbol-structure',
    ...(wrong ? { colour: 'list.errorForeground' } : why === undefined ? {} : { colour: 'disabledForeground' }),
    spoken: [label, ...(mark === undefined ? [] : [mark]), family, sentence].join(', '),
  };
}

/** `cannot run: the weights are packed by AWQ`: the reason stands in the row itself. */
const reasonOf = (mark: string, facts: ModelFacts | undefined): string =>
  facts === undefined || facts.supported === true ? mark : `${mark}: ${facts.supported.replace(/\.$/, '')}`;

/** Three digits: 4.89 bits per weight, scales included. */
const bitsWords = (bits: number): string => `${Number(bits.toPrecision(3))} bits per weight`;

const detailLines = ({ details }: OtherFileFacts): readonly TreeLine[] =>
  details.map(({ title, text }) => ({ label: title, description: text, icon: 'symbol-field' }));

export function modelLines(facts: ModelFacts): readonly TreeLine[] {
  const lines: TreeLine[] = [];
  const findings = facts.errors + facts.warnings;
  if (findings > 0) {
    const words = [
      ...(facts.errors > 0 ? [facts.errors === 1 ? '1 error' : `${facts.errors} errors`] : []),
      ...(facts.warnings > 0 ? [facts.warnings === 1 ? '1 warning' : `${facts.warnings} warnings`] : []),
    ];
    lines.push({
      label: 'Findings',
      description: words.join(', '),
      icon: facts.errors > 0 ? 'error' : 'warning',
      colour: facts.errors > 0 ? 'list.errorForeground' : 'list.warningForeground',
    });
  }
  const { file } = facts;
  if (file?.kind === 'adapter') lines.push(...detailLines(file));
  const single = facts.parts.length === 1;
  for (const part of facts.parts) lines.push(partLine(part, single));
  for (const part of facts.parts) {
    const of = single ? '' : ` of ${part.path === '' ? part.role : part.path}`;
    lines.push({
      label: `Layers${of}`,
      description: `${part.layers.length}: ${layerKinds(part.layers)}`,
      icon: 'list-ordered',
    });
    if (part.contextLength !== undefined) {
      lines.push({ label: `Context${of}`, description: `${count(part.contextLength)} tokens`, icon: 'arrow-both' });
    }
  }
  if (facts.parameters !== undefined) {
    const { total, active, parts } = facts.parameters;
    lines.push({
      label: 'Parameters',
      description:
        active === total
          ? parameterCount(total)
          : `${parameterCount(total)}, ${parameterCount(active)} active per token`,
      tooltip: [`${count(total)} in all`, ...parts.map((part) => `${part.name}: ${count(part.count)}`)],
      icon: 'symbol-numeric',
    });
  }
  if (facts.weightBytes !== undefined) {
    const bits = facts.bitsPerWeight === undefined ? '' : `, ${bitsWords(facts.bitsPerWeight)}`;
    lines.push({
      label: file === undefined ? 'Weights beside it' : 'Weights',
      description: `${binaryBytes(facts.weightBytes)}${bits}`,
      ...(facts.formats === undefined
        ? {}
        : { tooltip: facts.formats.map(({ name, bytes }) => `${name}: ${binaryBytes(bytes)}`) }),
      icon: 'database',
    });
  }
  if (facts.kvBytesPerToken !== undefined) {
    lines.push({
      label: 'KV cache',
      description: `${binaryBytes(facts.kvBytesPerToken)} per token${facts.dtype === undefined ? '' : ` in ${facts.dtype}`}`,
      tooltip: (facts.kvBytes ?? []).map(
        ({ length, bytes }) => `${binaryBytes(bytes)} at ${count(length)} tokens, batch 1`,
      ),
      icon: 'server',
    });
  }
  if (file !== undefined) {
    if (file.kind !== 'adapter') lines.push(...detailLines(file));
    lines.push(...file.notes.map((note): TreeLine => ({ label: note, tooltip: [note], icon: 'info' })));
  } else if (facts.supported !== true) {
    lines.push({
      label: 'Cannot be run here',
      description: facts.supported,
      tooltip: [facts.supported],
      icon: 'circle-slash',
    });
  }
  if (facts.unread !== undefined && facts.supported === true) {
    lines.push({ label: 'Runs as a text model', description: facts.unread, tooltip: [facts.unread], icon: 'info' });
  }
  return lines;
}
