import * as v from 'valibot';
import { ConfigReader } from '../config/config-reader';
import type { JsonObject } from '../config/config-reader';
import { readTransformer } from '../config/transformer';
import type { DescriptionProblem, JsonPath } from '../model-description';
import type { DecoderLayout } from './shared/decoder-layout';
import { separateExperts } from './shared/decoder-layout';
import { writeDecoder } from './shared/layout-tensors';
import { defaultsOf } from './shared/family';
import type { StackFamily } from './shared/family';
import { ownFamilySchema } from '../workspace-family';
import type { OwnFamily } from '../workspace-family';
import { stackFamily } from './stacks';

export interface OwnFamilyProblem {
  /** Below `families`. */
  readonly path: JsonPath;
  readonly message: string;
}

const most = 100;

/** Reads `families` of a `.headscope.json`. What cannot be used is left out and named. */
export function readOwnFamilies(list: unknown): {
  readonly families: readonly OwnFamily[];
  readonly problems: readonly OwnFamilyProblem[];
} {
  if (list === undefined) return { families: [], problems: [] };
  if (!Array.isArray(list))
    return { families: [], problems: [{ path: [], message: '"families" is a list of objects.' }] };
  const families: OwnFamily[] = [];
  const problems: OwnFamilyProblem[] = [];
  for (const [index, item] of (list as readonly unknown[]).slice(0, most).entries()) {
    const read = v.safeParse(ownFamilySchema, item);
    if (!read.success) {
      for (const issue of read.issues) problems.push({ path: [index, ...pathOf(issue)], message: sentenceOf(issue) });
      continue;
    }
    const family = read.output;
    const problem = contradictionOf(family, families);
    if (problem !== undefined) {
      problems.push({ path: [index, problem.key], message: problem.message });
      continue;
    }
    const wrong = wrongDefaults(family);
    for (const { path, message } of wrong) problems.push({ path: [index, 'defaults', ...path], message });
    families.push(withoutDefaults(family, new Set(wrong.map(({ path: [key] }) => key))));
  }
  if (list.length > most) problems.push({ path: [most], message: `No more than ${most} families are read.` });
  return { families, problems };
}

function contradictionOf(
  family: OwnFamily,
  others: readonly OwnFamily[],
): { readonly key: string; readonly message: string } | undefined {
  const { modelType, like, layout, tensors, positions } = family;
  if (others.some((other) => other.modelType === modelType))
    return { key: 'modelType', message: `"${modelType}" is described twice; the first one counts.` };
  if (like !== undefined && stackFamily(like) === undefined) {
    return {
      key: 'like',
      message: `"${like}" is not a model_type that is known here as a single stack of layers; "llama", "qwen2" and "bert" are.`,
    };
  }
  if (like !== undefined && layout !== undefined)
    return { key: 'layout', message: 'A family that is like another has its layout; rename with "tensors" instead.' };
  if (like === undefined && layout !== undefined && (positions === 'learned') !== (layout.positions !== undefined)) {
    return {
      key: 'layout',
      message:
        positions === 'learned'
          ? 'Learned positions are a tensor. Give its name as "positions" in the layout.'
          : '"positions" in the layout names a table of learned positions. Add "positions": "learned" to the family.',
    };
  }
  if (like === undefined && tensors !== undefined)
    return { key: 'tensors', message: '"tensors" renames those of the family that "like" names, and there is none.' };
  return undefined;
}

/** What would be wrong with the defaults if a config had written them: no config can be blamed for them, and all would be. */
function wrongDefaults({ defaults = {}, ...family }: OwnFamily): readonly DescriptionProblem[] {
  const problems: DescriptionProblem[] = [];
  const { keys: _, ...bare } = family;
  const stack = familyOfOwn(bare);
  const { modelType } = family;
  stack.read(new ConfigReader({ ...defaults, model_type: modelType }, [], problems, defaultsOf(stack, modelType)));
  return problems.filter(
    ({ code, path: [key] }) =>
      (code === 'out-of-range' || code === 'wrong-type') && typeof key === 'string' && Object.hasOwn(defaults, key),
  );
}

function withoutDefaults(family: OwnFamily, wrong: ReadonlySet<string | number | undefined>): OwnFamily {
  if (wrong.size === 0) return family;
  const right = Object.entries(family.defaults ?? {}).filter(([key]) => !wrong.has(key));
  return { ...family, defaults: Object.fromEntries(right) };
}

type Issue = v.BaseIssue<unknown>;
const pathOf = (issue: Issue): JsonPath =>
  (issue.path ?? []).flatMap(({ key }) => (typeof key === 'string' || typeof key === 'number' ? [key] : []));
const sentenceOf = ({ kind, expected, received }: Issue): string =>
  received === 'undefined'
    ? `The key ${expected ?? ''} is missing.`
    : expected === 'never'
      ? 'No such key is known here; docs/own-families.md lists them.'
      : kind === 'schema' && expected !== null
        ? `It should be ${expected.replaceAll('|', 'or').replace(/^\((.*)\)$/, '$1')}, and is ${received}.`
        : `It should be ${expected ?? 'something else'}.`;

/** Renames by the longest beginning that fits. */
function renaming(table: Readonly<Record<string, string>> | undefined): (tensor: string) => string {
  const rows = Object.entries(table ?? {}).sort(([one], [other]) => other.length - one.length);
  return (tensor) => {
    const row = rows.find(([from]) => tensor.startsWith(from));
    return row === undefined ? tensor : row[1] + tensor.slice(row[0].length);
  };
}

/** Llama's names, as data; `layout` of an own family says what differs. */
function layoutOf(given: NonNullable<OwnFamily['layout']>): DecoderLayout {
  const { attention = {}, mlp = {}, experts } = given;
  const { norm, normNames } = attention;
  return {
    root: given.root ?? 'model.',
    embedding: given.embedding ?? 'embed_tokens',
    layer: given.layer ?? 'layers.{layer}.',
    attention: {
      prefix: attention.prefix ?? 'self_attn.',
      projections: attention.projections ?? ['q_proj', 'k_proj', 'v_proj'],
      output: attention.output ?? 'o_proj',
      inputBias: attention.inputBias ?? false,
      outputBias: attention.outputBias ?? false,
      transposed: attention.transposed ?? false,
      sinks: attention.sinks ?? false,
      ...(norm === undefined ? {} : { norm: () => norm }),
      ...(normNames === undefined ? {} : { normNames }),
    },
    mlp: {
      prefix: mlp.prefix ?? 'mlp.',
      inputs: mlp.inputs ?? ['gate_proj', 'up_proj'],
      fused: mlp.fused ?? false,
      output: mlp.output ?? 'down_proj',
      bias: mlp.bias ?? false,
    },
    ...(experts === undefined ? {} : { experts: separateExperts(withoutAbsent(experts)) }),
    norms: given.norms ?? ['input_layernorm', 'post_attention_layernorm'],
    normBias: given.normBias ?? false,
    finalNorm: given.finalNorm ?? 'norm',
    head: given.head ?? 'lm_head',
    headBias: given.headBias ?? false,
    extra: (writer, { contextLength = 0, hiddenSize }) => {
      if (given.positions !== undefined)
        writer.add('embedding', `${given.positions}.weight`, [contextLength, hiddenSize]);
    },
  };
}

const withoutAbsent = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

/** The family that reads files of this `model_type`. */
export function familyOfOwn(own: OwnFamily): StackFamily {
  const { modelType, title, like, keys = {}, defaults = {}, tensors } = own;
  const base = like === undefined ? undefined : stackFamily(like);
  const from = `.headscope.json, ${modelType}`;
  const usual = (base && defaultsOf(base, like))?.values ?? {};
  const values: JsonObject = { ...usual, ...defaults };
  const shared = { modelTypes: [modelType], defaults: () => ({ from, values, keys }) } as const;
  if (base !== undefined) {
    const rename = renaming(tensors);
    const write = base.tensors;
    // With names of its own a checkpoint is no longer the one that the graphs of the base's name read.
    const id = tensors === undefined ? undefined : modelType;
    return {
      ...base,
      ...shared,
      title: title ?? modelType,
      id: modelType,
      tied: own.tied ?? base.tied,
      read: (reader) => {
        const part = base.read(reader);
        return id === undefined ? part : { ...part, family: id };
      },
      ...(tensors === undefined ? {} : { rename }),
      ...(write === undefined ? {} : { tensors: (part, writer, top) => write(part, writer.renamed(rename), top) }),
    };
  }
  const { role = 'decoder', positions = 'rope', norm, gated, layout } = own;
  return {
    kind: 'stack',
    ...shared,
    id: modelType,
    title: title ?? modelType,
    role,
    tied: own.tied ?? false,
    task: role === 'decoder' ? 'causal-lm' : 'masked-lm',
    read: (reader) =>
      readTransformer(reader, {
        family: modelType,
        role,
        positions,
        ...(norm === undefined ? {} : { norm }),
        ...(gated === undefined ? {} : { gated }),
      }),
    ...(layout === undefined ? {} : { tensors: writeDecoder(layoutOf(layout)) }),
  };
}
