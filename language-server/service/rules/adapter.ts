import type { JsonValue } from '../../../models/formats/model-description';
import { hiddenSizeNames, numberField } from '../config-parts';
import { isObject } from '../json-document';
import { isOneSlip, nearestName } from '../nearest-name';
import { matchesSome } from '../people-patterns';
import { replaceValue } from '../places';
import type { Rule, RuleContext } from './rule';

/** Last names of the modules that linear adapters can be put on, over the families described. */
const moduleNames = new Set([
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'out_proj',
  'qkv_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
  'gate_up_proj',
  'query',
  'key',
  'value',
  'query_key_value',
  'dense',
  'dense_h_to_4h',
  'dense_4h_to_h',
  'c_attn',
  'c_proj',
  'c_fc',
  'fc1',
  'fc2',
  'fc_in',
  'fc_out',
  'Wqkv',
  'Wi',
  'Wo',
  'Wq',
  'Wk',
  'Wv',
  'w1',
  'w2',
  'w3',
  'q',
  'k',
  'v',
  'o',
  'wi',
  'wo',
  'wi_0',
  'wi_1',
  'q_lin',
  'k_lin',
  'v_lin',
  'out_lin',
  'lin1',
  'lin2',
  'lm_head',
  'embed_tokens',
  'wte',
  'score',
  'classifier',
  'in_proj',
  'x_proj',
  'dt_proj',
  'q_a_proj',
  'q_b_proj',
  'kv_a_proj_with_mqa',
  'kv_b_proj',
  'up_proj',
  'attn',
  'proj',
  'qkv',
  'linear',
  'experts',
  'router',
]);

interface KnownModules {
  /** Full names without `.weight`. */
  readonly names: readonly string[];
  readonly file: string;
}

/** Modules of the base model, when its config or weights are beside it, or the ones the adapter's own weights are for. */
const modulesOf = ({ facts }: RuleContext): KnownModules | undefined => {
  const adapter = facts.shards.get('adapter_model.safetensors');
  if (adapter !== undefined && adapter.problem === undefined && !adapter.pointer && adapter.tensors.length > 0) {
    const names = adapter.tensors.map(({ name }) => name.replace(/\.lora_.*$|\.(weight|bias)$/, ''));
    return { names, file: adapter.file };
  }
  const index = facts.companions['model.safetensors.index.json'];
  const map = isObject(index) ? index['weight_map'] : undefined;
  const names = isObject(map)
    ? Object.keys(map)
    : [...facts.shards.values()].flatMap(({ tensors }) => tensors.map(({ name }) => name));
  if (names.length === 0) return undefined;
  return {
    names: names.map((name) => name.replace(/\.(weight|bias|qweight)$/, '')),
    file: isObject(map) ? 'model.safetensors.index.json' : ([...facts.shards.keys()][0] ?? ''),
  };
};

const endingsOf = (name: string): readonly string[] =>
  [...name.matchAll(/\./g)].map(({ index }) => name.slice(index + 1)).concat(name);

export const loraTarget: Rule = {
  code: 'lora-target-matches-nothing',
  title: 'A target module of the adapter names no module of the model',
  severity: 'error',
  kinds: ['adapter'],
  check(context, report) {
    const value = context.document.value;
    if (!isObject(value)) return;
    const targets = value['target_modules'];
    const modules = modulesOf(context);
    const related =
      modules === undefined ? [] : [{ message: `modules of ${modules.file}`, place: { file: modules.file } }];
    if (typeof targets === 'string') {
      if (targets === 'all-linear' || modules === undefined) return;
      const stripped = modules.names.map((name) => name.replace(/^base_model\.model\./, ''));
      const found = matchesSome(targets, [...modules.names, ...stripped]);
      if (found === 'no') {
        report(
          ['target_modules'],
          'The pattern of target_modules matches no module of the model. The adapter would change nothing.',
          { related },
        );
      } else if (found === 'too-long') {
        report(
          ['target_modules'],
          'The pattern of target_modules takes too long to try and is not checked. Name the modules in a list, or nest no repeats.',
          { related, severity: 'information' },
        );
      }
      return;
    }
    if (!Array.isArray(targets)) return;
    // A target is the whole name of a module or what follows one of its points.
    const endings = new Set(modules?.names.flatMap(endingsOf));
    const lasts = new Set(modules?.names.map((name) => name.slice(name.lastIndexOf('.') + 1)));
    const usual = [...moduleNames].filter((name) => name.length > 4);
    (targets as readonly JsonValue[]).forEach((target, index) => {
      if (typeof target !== 'string') return;
      const last = target.slice(target.lastIndexOf('.') + 1);
      const path = ['target_modules', index];
      if (modules !== undefined) {
        if (endings.has(target)) return;
        const near = nearestName(last, lasts, 3);
        report(
          path,
          `"${target}" matches no module in ${modules.file}${near === undefined ? '.' : `; did you mean "${near}"?`} An adapter there would change nothing.`,
          {
            related,
            fixes:
              near === undefined
                ? []
                : [
                    {
                      title: `Change to "${near}"`,
                      changes: replaceValue(context.document, path, JSON.stringify(near)),
                      preferred: true,
                      // A name that other models have is no slip: k_proj is one letter away from o_proj. A whole path names
                      // one layer, and its last name all of them.
                      certain: target === last && !moduleNames.has(last) && isOneSlip(last, near),
                    },
                  ],
          },
        );
        return;
      }
      if (moduleNames.has(last) || last.length < 4) return;
      const near = nearestName(last, usual, 1);
      if (near === undefined) return;
      report(
        path,
        `"${target}" is not a module that models have; did you mean "${near}"? An adapter there would change nothing.`,
        {
          severity: 'warning',
          fixes: [
            {
              title: `Change to "${near}"`,
              changes: replaceValue(context.document, path, JSON.stringify(near)),
              preferred: true,
              certain: target === last,
            },
          ],
        },
      );
    });
  },
};

export const loraRank: Rule = {
  code: 'lora-rank',
  title: 'The rank of the adapter is no lower than the width it adapts',
  severity: 'warning',
  kinds: ['adapter'],
  check({ document, configParts, facts }, report) {
    const value = document.value;
    if (!isObject(value)) return;
    const rank = numberField(value, ['r']);
    if (rank === undefined) return;
    if (rank.value <= 0 || !Number.isInteger(rank.value)) {
      report(['r'], `The rank r is ${rank.value}; it must be a whole number above 0, usually 8 to 64.`, {
        severity: 'error',
      });
      return;
    }
    const root = configParts.find(({ value: part }) => numberField(part, hiddenSizeNames) !== undefined);
    const hidden = root === undefined ? undefined : numberField(root.value, hiddenSizeNames);
    if (hidden !== undefined && rank.value > hidden.value) {
      report(
        ['r'],
        `Rank ${rank.value} is above the width ${hidden.value} of the model. Such an adapter is larger than the matrix it adapts.`,
        {
          related: [{ message: `${hidden.key} is ${hidden.value}`, place: { file: 'config.json', key: hidden.key } }],
        },
      );
    }
    for (const { name, shape } of facts.shards.get('adapter_model.safetensors')?.tensors ?? []) {
      if (!/lora_A\./.test(name) || shape.length !== 2) continue;
      const [rows = 0, columns = 0] = shape;
      const hasPattern = Object.keys(isObject(value['rank_pattern']) ? value['rank_pattern'] : {}).length > 0;
      if (rows !== rank.value && !hasPattern) {
        report(
          ['r'],
          `Rank ${rank.value} is not that of the weights: ${name} has shape [${rows}, ${columns}], rank ${rows}.`,
          {
            severity: 'error',
            related: [{ message: name, place: { file: 'adapter_model.safetensors' } }],
          },
        );
        return;
      }
      if (hidden === undefined && rows > columns) {
        report(
          ['r'],
          `Rank ${rows} is above the width ${columns} that ${name} adapts. Such an adapter is larger than the matrix itself.`,
          {
            related: [{ message: name, place: { file: 'adapter_model.safetensors' } }],
          },
        );
        return;
      }
    }
  },
};
