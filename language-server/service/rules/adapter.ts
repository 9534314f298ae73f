import type { JsonPath, JsonValue } from '../../../models/formats/model-description';
import { baseNames, targetsOf } from '../../../models/formats/adapter/base-names';
import { baseFamily } from '../adapter-bases';
import { endModules, moduleNames, modulesOf, modulesOfConfig } from '../adapter-modules';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { Fix } from '../finding';
import { isObject } from '../json-document';
import type { JsonDocument } from '../json-document';
import { isOneSlip, nearestName } from '../../../protocol/wire/nearest-name';
import { matchesSome } from '../../../models/formats/python-patterns';
import { replaceValue } from '../places';
import type { Rule, RuleContext } from './rule';

/** Modules of the base model where no weights of it are there: of the config beside, or of a family known by its name. */
const modulesByFamily = (
  { facts }: RuleContext,
  adapter: JsonObject,
):
  | {
      readonly names: ReadonlySet<string>;
      readonly linear: readonly string[];
      readonly of: string;
      readonly file?: string;
    }
  | undefined => {
  const file = 'config.json';
  const config = facts.companions[file];
  if (config !== undefined) {
    const found = modulesOfConfig(config);
    return found === undefined ? undefined : { ...found, of: `the model in ${file}`, file };
  }
  const name = adapter['base_model_name_or_path'];
  const family = typeof name === 'string' ? baseFamily(name) : undefined;
  if (family === undefined) return undefined;
  return { names: new Set(family.modules), linear: family.modules, of: `${family.title}, the base model` };
};

const changeTo = (document: JsonDocument, path: JsonPath, near: string | undefined, certain: boolean): readonly Fix[] =>
  near === undefined
    ? []
    : [
        {
          title: `Change to "${near}"`,
          changes: replaceValue(document, path, JSON.stringify(near)),
          preferred: true,
          certain,
        },
      ];

export const loraTarget: Rule = {
  code: 'lora-target-matches-nothing',
  title: 'A target module of the adapter names no module of the model',
  severity: 'error',
  kinds: ['adapter'],
  check(context, report) {
    const value = context.document.value;
    if (!isObject(value)) return;
    const targets = value['target_modules'];
    const modules = modulesOf(context.facts);
    const related =
      modules === undefined ? [] : [{ message: `modules of ${modules.file}`, place: { file: modules.file } }];
    if (typeof targets === 'string') {
      if (targets === 'all-linear' || modules === undefined) return;
      const found = matchesSome(targets, modules.names);
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
    const inModules = targetsOf(modules?.names ?? []);
    // Weights of the base may lack what its class has in front of their names.
    const nameOf = baseNames(new Set(modules?.names));
    const means = (target: string): boolean => inModules.has(target) || nameOf(target) !== undefined;
    const lasts = new Set(modules?.names.map((name) => name.slice(name.lastIndexOf('.') + 1)));
    const family = modules === undefined ? modulesByFamily(context, value) : undefined;
    // PEFT stops only where no name matches; lists for several families are written so (adapters of Phi-3 with q_proj).
    const isThere = (target: JsonValue): boolean =>
      typeof target === 'string' &&
      (means(target) || family?.names.has(target.slice(target.lastIndexOf('.') + 1)) === true);
    const someMatch = (targets as readonly JsonValue[]).some(isThere);
    const usual = [...moduleNames].filter((name) => name.length > 4);
    (targets as readonly JsonValue[]).forEach((target, index) => {
      if (typeof target !== 'string') return;
      const last = target.slice(target.lastIndexOf('.') + 1);
      const path = ['target_modules', index];
      // The name of another family is no slip of the pen, near as it may be to one of this.
      const isOfOthers = moduleNames.has(last);
      if (modules !== undefined) {
        if (means(target)) return;
        const near = isOfOthers ? undefined : nearestName(last, lasts, 3);
        report(
          path,
          `"${target}" matches no module in ${modules.file}${near === undefined ? '.' : `; did you mean "${near}"?`} An adapter there would change nothing.`,
          {
            related,
            // A name that other models have is no slip: k_proj is one letter away from o_proj. A whole path names one layer, and
            // its last name all of them.
            fixes: changeTo(
              context.document,
              path,
              near,
              near !== undefined && target === last && isOneSlip(last, near),
            ),
            ...(isOfOthers && someMatch ? { severity: 'warning' as const } : {}),
          },
        );
        return;
      }
      if (isOfOthers) {
        if (family === undefined || family.names.has(last) || endModules.has(last)) return;
        const { of, linear, file } = family;
        report(
          path,
          `"${target}" is no module of ${of}; its layers have ${linear.slice(0, 10).join(', ')}. An adapter there would change nothing.`,
          {
            // A person may have a variant of a family that is known by its name alone.
            severity: file !== undefined ? (someMatch ? 'warning' : 'error') : someMatch ? 'information' : 'warning',
            related: file === undefined ? [] : [{ message: file, place: { file } }],
          },
        );
        return;
      }
      if (last.length < 4) return;
      const near = nearestName(last, usual, 1);
      if (near === undefined) return;
      report(
        path,
        `"${target}" is not a module that models have; did you mean "${near}"? An adapter there would change nothing.`,
        { severity: 'warning', fixes: changeTo(context.document, path, near, target === last) },
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
    const root = configParts.find(({ value: part }) => numberField(part, namesOf('hidden_size')) !== undefined);
    const hidden = root === undefined ? undefined : numberField(root.value, namesOf('hidden_size'));
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
