/** The facts of a model as rows, alike for one model and for two beside each other. Definitions are in `meaning`. */
import type { ModelFacts, ModelPartFacts } from '../../../protocol/language/requests';
import type { ShownModel } from '../../../protocol/panels/model';
import { count } from '../../ui/numbers';
import { fileFacts, formatFacts, ropeFacts } from './stored-facts';
import { attentionTitle, kindWords, layerKinds, partTitle, queryHeads, range } from './layers';
import type { Draft, Fact } from './fact';
import { binaryBytes, operations, parameterCount, times } from './units';

const wholeModel = 'Model';
const memory = 'Memory and work';

/** `inFull`: also what follows from other rows, so that the rows of two models meet. */
export function factsOf(model: ShownModel, { inFull = false } = {}): readonly Fact[] {
  const { facts } = model;
  const rows: Fact[] = [];
  const add = (group: string, draft: Draft): void => void rows.push({ ...draft, group });
  const text = (id: string, title: string, meaning: string, value: string): Draft => ({
    id,
    title,
    meaning,
    text: value,
    compare: 'text',
  });

  for (const draft of fileFacts(facts)) add('File', draft);
  add(
    wholeModel,
    text('family', 'Family', 'The family whose rules read the file, and its model_type.', familyWords(model)),
  );
  if (facts.parameters !== undefined) {
    const { total, active } = facts.parameters;
    add(wholeModel, {
      id: 'parameters',
      title: 'Parameters',
      meaning: `Sum over the tensors that ${facts.file === undefined ? 'this configuration asks for' : 'the file holds'}: ${count(total)}.`,
      text: parameterCount(total),
      value: total,
      unit: 'parameters',
      compare: 'ratio',
    });
    add(wholeModel, {
      id: 'active',
      title: 'Active per token',
      meaning: `Parameters that one token uses, all but the experts that it is not sent to: ${count(active)}.`,
      text: active === total && !inFull ? 'all' : parameterCount(active),
      value: active,
      unit: 'parameters',
      compare: 'ratio',
    });
  }
  if (facts.vocabularySize !== undefined) {
    add(wholeModel, {
      id: 'vocabulary',
      title: 'Vocabulary',
      meaning: 'Rows of the token embedding.',
      text: `${count(facts.vocabularySize)} tokens`,
      value: facts.vocabularySize,
      unit: 'tokens',
      compare: 'ratio',
    });
  }
  add(
    wholeModel,
    text(
      'dtype',
      'Number format',
      facts.file === undefined ? 'dtype or torch_dtype of the file.' : 'Format of most bytes of the weights.',
      numberFormat(facts),
    ),
  );

  if (facts.weightBytes !== undefined) {
    add(memory, {
      id: 'weights',
      title: 'Weights on disk',
      meaning:
        facts.file === undefined
          ? 'Sum of the safetensors files beside the configuration.'
          : 'Sum of the tensors in the file, from its header.',
      text: binaryBytes(facts.weightBytes),
      value: facts.weightBytes,
      unit: 'bytes',
      compare: 'ratio',
    });
  }
  for (const draft of formatFacts(facts)) add(memory, draft);
  if (facts.kvBytesPerToken !== undefined) {
    const assumed = (facts.cache?.assumptions ?? []).map((one) => `; ${one}`).join('');
    add(memory, {
      id: 'kv',
      title: 'KV cache per token',
      meaning: `Bytes that one more token adds over all layers, batch 1, while no window is full${assumed}.`,
      text: binaryBytes(facts.kvBytesPerToken),
      value: facts.kvBytesPerToken,
      unit: 'bytes',
      compare: 'ratio',
    });
    for (const { length, bytes } of facts.kvBytes ?? []) {
      add(memory, {
        id: `kv@${length}`,
        title: `KV cache at ${count(length)} tokens`,
        meaning: `Bytes of a sequence of ${count(length)} tokens, batch 1${assumed}.`,
        text: binaryBytes(bytes),
        value: bytes,
        unit: 'bytes',
        compare: 'ratio',
      });
    }
  }
  if (facts.flopsPerToken !== undefined) {
    add(memory, {
      id: 'flops',
      title: 'Work per token',
      meaning: 'Floating-point operations to generate one token with 2,048 before it; a multiply-add is two.',
      text: operations(facts.flopsPerToken),
      value: facts.flopsPerToken,
      unit: 'FLOP',
      compare: 'ratio',
    });
  }
  if (facts.file === undefined) {
    add(memory, {
      ...text(
        'supported',
        'Architecture supported',
        'Whether Headscope can run a checkpoint of this kind.',
        facts.supported !== true ? 'no' : facts.unread === undefined ? 'yes' : 'as a text model',
      ),
      ...(facts.supported !== true
        ? { detail: facts.supported }
        : facts.unread === undefined
          ? {}
          : { detail: facts.unread }),
    });
  }
  const obstacle = whyNotHere(facts);
  add(memory, {
    ...text(
      'runs',
      'Runs here',
      'Whether this one can be run: its architecture is supported, its configuration has no errors, its weights are here.',
      obstacle === undefined ? 'yes' : 'no',
    ),
    ...(obstacle === undefined ? {} : { detail: obstacle }),
  });

  const seen = new Map<string, number>();
  facts.parts.forEach((part, index) => {
    const nth = seen.get(part.role) ?? 0;
    seen.set(part.role, nth + 1);
    const key = index === 0 ? 'main' : `${part.role}${nth}`;
    for (const draft of partFacts(part, inFull)) add(partTitle(part), { ...draft, id: `${key}.${draft.id}` });
  });
  return rows;
}

/** The first thing that keeps this very model from running; undefined when nothing is known to. */
function whyNotHere({ supported, errors, weightBytes, file }: ModelFacts): string | undefined {
  if (file !== undefined && supported !== true) return supported;
  if (supported !== true) return 'Its architecture is not supported.';
  if (errors > 0)
    return `The configuration has ${count(errors)} ${errors === 1 ? 'error' : 'errors'}; see the Problems panel.`;
  if (!weightBytes) return 'There are no weights beside the configuration; put its .safetensors files there.';
  return undefined;
}

/** `bfloat16 (bf16 is true)` of a config, the format of most bytes of another file. */
function numberFormat({ file, formats, dtype, dtypeFrom }: ModelFacts): string {
  if (file !== undefined) return formats?.[0]?.name ?? 'not named';
  if (dtype === undefined) return 'not named';
  return dtypeFrom === undefined ? dtype : `${dtype} (${dtypeFrom})`;
}

const familyWords = ({ facts }: ShownModel): string =>
  facts.modelType === undefined || facts.modelType === facts.family
    ? facts.family
    : `${facts.family} (${facts.modelType})`;

function partFacts(part: ModelPartFacts, inFull: boolean): readonly Draft[] {
  const number = (
    id: string,
    title: string,
    meaning: string,
    value: number,
    unit: string,
    compare: Fact['compare'],
    shown = count(value),
  ): Draft => ({ id, title, meaning, text: shown, value, unit, compare });
  const withAttention = part.layers.filter((layer) => queryHeads(layer) > 0);
  const kinds = layerKinds(part.layers);
  const single = kinds.length === 1 && kinds[0]?.layer.kind === 'full' && !inFull;
  return [
    {
      id: 'attention',
      title: 'Attention',
      meaning: 'How query heads share keys and values.',
      text: attentionTitle(part),
      compare: 'text',
    },
    number('layers', 'Layers', 'Blocks of this part.', part.layers.length, 'layers', 'difference'),
    ...(single
      ? []
      : kinds.map(({ layer, count: layers }): Draft =>
          number(
            `kind ${kindWords(layer)}`,
            `Layers: ${kindWords(layer)}`,
            'Layers of this kind.',
            layers,
            'layers',
            'difference',
          ),
        )),
    ...(withAttention.length === 0
      ? []
      : [
          number(
            'heads',
            'Query heads',
            'Query heads of a layer.',
            part.heads,
            'heads',
            'difference',
            range(withAttention.map(({ heads }) => heads)),
          ),
          number(
            'kvHeads',
            'Key/value heads',
            part.attention === 'mla'
              ? 'Heads whose keys and values are expanded from one latent; the cache holds the latent.'
              : 'Heads whose keys and values the cache holds.',
            part.kvHeads,
            'heads',
            'difference',
            range(withAttention.map(({ kvHeads }) => kvHeads)),
          ),
          number(
            'headDim',
            part.valueDim === part.headDim ? 'Head width' : 'Head width, keys',
            'Width of a query or key head.',
            part.headDim,
            'numbers',
            'ratio',
          ),
          ...(part.valueDim === part.headDim
            ? []
            : [number('valueDim', 'Head width, values', 'Width of a value head.', part.valueDim, 'numbers', 'ratio')]),
        ]),
    number(
      'hidden',
      'Hidden size',
      'Width of the residual stream; of a tower in stages, from the first to the last.',
      part.hiddenSize,
      'numbers',
      'ratio',
      range([part.hiddenSize, ...part.layers.map(({ hiddenSize }) => hiddenSize ?? part.hiddenSize)]),
    ),
    ...(part.contextLength === undefined
      ? []
      : [
          number(
            'context',
            'Context',
            part.role === 'vision'
              ? 'Positions that this part attends over.'
              : 'Longest sequence that the file promises.',
            part.contextLength,
            part.role === 'vision' ? 'positions' : 'tokens',
            'ratio',
            `${count(part.contextLength)} ${part.role === 'vision' ? 'positions' : 'tokens'}`,
          ),
        ]),
    ...ropeFacts(part),
    ...(part.alibi === undefined ? [] : [alibiFact(part.alibi)]),
  ];
}

/** Heads of which each has its slope and scope written out. */
const mostWritten = 40;

function alibiFact(heads: NonNullable<ModelPartFacts['alibi']>): Draft {
  const scopes = heads.map(({ scope }) => Math.ceil(scope));
  const written = heads
    .slice(0, mostWritten)
    .map(({ slope }, head) => `${head}: ${Number(slope.toPrecision(3))}, ${count(scopes[head] ?? 0)}`)
    .join('; ');
  const more = heads.length > mostWritten ? `; and ${count(heads.length - mostWritten)} more` : '';
  return {
    id: 'alibi',
    title: 'Reach of ALiBi',
    meaning:
      'Tokens behind which no key of a head has a weight above 0.1 % where queries prefer no key: ln 1000 / slope. With |q·k| / sqrt(d) up to M it is longer by 2 M / slope (arXiv:2407.15891).',
    text: `${range(scopes)} tokens`,
    detail: `Head: slope, tokens. ${written}${more}.`,
    compare: 'text',
  };
}

export interface ComparedFact {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly meaning: string;
  readonly first?: Fact;
  readonly second?: Fact;
  /** The first against the second: `4.0x less`, `24 more`, `same`, `differs`. */
  readonly difference: string;
  readonly differs: boolean;
}

/** Rows of both models, in the order of the first; what only one of them has is kept. */
export function comparedFacts(first: ShownModel, second: ShownModel): readonly ComparedFact[] {
  const ofSecond = factsOf(second, { inFull: true });
  const others = new Map(ofSecond.map((fact) => [fact.id, fact]));
  const rows = factsOf(first, { inFull: true }).map((fact) => {
    const other = others.get(fact.id);
    others.delete(fact.id);
    return compared(fact, fact, other);
  });
  // A row that only the second has stands behind the one that it follows there.
  for (const fact of others.values()) {
    const before = ofSecond[ofSecond.indexOf(fact) - 1];
    const at = rows.findIndex(({ id }) => id === before?.id);
    rows.splice(at + 1, 0, compared(fact, undefined, fact));
  }
  return rows;
}

function compared(known: Fact, first: Fact | undefined, second: Fact | undefined): ComparedFact {
  const difference = differenceWords(first, second);
  return {
    id: known.id,
    group: known.group,
    title: known.title,
    meaning: known.meaning,
    ...(first === undefined ? {} : { first }),
    ...(second === undefined ? {} : { second }),
    difference,
    differs: difference !== 'same',
  };
}

function differenceWords(first: Fact | undefined, second: Fact | undefined): string {
  if (first === undefined) return 'second only';
  if (second === undefined) return 'first only';
  if (first.value === undefined || second.value === undefined || first.compare === 'text') {
    return first.text === second.text ? 'same' : 'differs';
  }
  if (first.value === second.value) return first.text === second.text ? 'same' : 'differs';
  return amountWords(first.value, second.value, first.compare);
}

/** How much more or less `a` is than `b`; they are not equal. */
export function amountWords(a: number, b: number, by: 'ratio' | 'difference'): string {
  const word = a < b ? 'less' : 'more';
  const [low, high] = a < b ? [a, b] : [b, a];
  if (by === 'difference') return `${count(high - low)} ${a < b ? 'fewer' : 'more'}`;
  if (low <= 0) return word;
  const ratio = high / low;
  if (ratio < 1.1) {
    const percent = a < b ? 100 * (1 - a / b) : 100 * (a / b - 1);
    return percent < 0.1 ? `under 0.1 % ${word}` : `${Number(percent.toPrecision(2))} % ${word}`;
  }
  return `${times(ratio)} ${word}`;
}
