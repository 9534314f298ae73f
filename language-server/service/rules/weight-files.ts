import type { JsonObject } from '../../../models/formats/config/config-reader';
import { isObject } from '../json-document';
import { formatBytes } from '../figures';
import type { Rule, RuleContext } from './rule';

const weightMap = ({ document }: RuleContext): JsonObject => {
  const value = document.value;
  const map = isObject(value) ? value['weight_map'] : undefined;
  return isObject(map) ? map : {};
};

/** Shard names of an index with the first tensor of each. */
const shardsOf = (map: JsonObject): ReadonlyMap<string, string> => {
  const known = shardsOfMap.get(map);
  if (known !== undefined) return known;
  const shards = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file === 'string' && !shards.has(file)) shards.set(file, tensor);
  }
  shardsOfMap.set(map, shards);
  return shards;
};
/** Five rules ask, and an index may have 200,000 entries. */
const shardsOfMap = new WeakMap<JsonObject, ReadonlyMap<string, string>>();

export const shardMissing: Rule = {
  code: 'shard-missing',
  title: 'A file of weights named by the index is missing',
  severity: 'error',
  kinds: ['index'],
  check(context, report) {
    const { facts } = context;
    const shards = shardsOf(weightMap(context));
    const absent = [...shards].filter(([file]) => !facts.files.has(file));
    if (absent.length === 0) return;
    if (absent.length === shards.size) {
      report(
        { keyOf: ['weight_map'] },
        `None of the ${shards.size} weight files is in this folder. Only the index was downloaded; shapes cannot be checked.`,
        { severity: 'information' },
      );
      return;
    }
    for (const [file, tensor] of absent) {
      report(
        ['weight_map', tensor],
        `${file} is missing, and other files of the model are here. Download it again; its tensors cannot be loaded.`,
      );
    }
  },
};

export const shardUnreadable: Rule = {
  code: 'shard-unreadable',
  title: 'The header of a safetensors file cannot be true',
  severity: 'error',
  kinds: ['index', 'config', 'adapter'],
  check(context, report) {
    const { facts, kind } = context;
    const shards = kind === 'index' ? shardsOf(weightMap(context)) : undefined;
    // With an index beside it, the config leaves the shards to that file.
    if (kind !== 'index' && facts.files.has('model.safetensors.index.json')) return;
    for (const { file, problem, pointer } of facts.shards.values()) {
      if (kind === 'adapter' ? !file.startsWith('adapter') : file.startsWith('adapter')) continue;
      const tensor = shards?.get(file);
      if (shards !== undefined && tensor === undefined) continue;
      const place = tensor === undefined ? [] : ['weight_map', tensor];
      const related = [{ message: file, place: { file } }];
      if (pointer) {
        report(
          place,
          `${file} is a git-lfs pointer, not the weights. Run "git lfs pull" in the folder to fetch them.`,
          { severity: 'information', related },
        );
      } else if (problem !== undefined) {
        report(place, `${file}: ${problem.message}`, { related });
      }
    }
  },
};

export const indexDisagrees: Rule = {
  code: 'index-disagrees',
  title: 'The index and the headers of the weight files say different things',
  severity: 'error',
  kinds: ['index'],
  check(context, report) {
    const { facts } = context;
    const map = weightMap(context);
    const where = new Map<string, Set<string>>();
    for (const [file, { tensors }] of facts.shards) where.set(file, new Set(tensors.map(({ name }) => name)));
    for (const [tensor, file] of Object.entries(map)) {
      if (typeof file !== 'string') continue;
      const shard = facts.shards.get(file);
      if (shard === undefined || shard.pointer || shard.problem !== undefined || where.get(file)?.has(tensor) === true)
        continue;
      report(['weight_map', tensor], `${file} has no tensor ${tensor}. The index was written for other files.`, {
        related: [{ message: file, place: { file } }],
      });
    }
    const value = document(context);
    const total = value['metadata'];
    const stated = isObject(total) ? total['total_size'] : undefined;
    const shards = shardsOf(map);
    const complete = [...shards.keys()].every((file) => {
      const shard = facts.shards.get(file);
      return shard !== undefined && shard.problem === undefined && !shard.pointer;
    });
    if (typeof stated !== 'number' || stated === 0 || !complete || shards.size === 0) return;
    const actual = [...shards.keys()].reduce(
      (sum, file) =>
        sum + (facts.shards.get(file)?.tensors ?? []).reduce((bytes, { begin, end }) => bytes + end - begin, 0),
      0,
    );
    if (Math.round(stated) !== actual) {
      report(
        ['metadata', 'total_size'],
        `total_size states ${formatBytes(stated)}, the tensors take ${formatBytes(actual)}. Loaders ignore it; tools that plan memory do not.`,
        { severity: 'information' },
      );
    }
  },
};

const document = (context: RuleContext): JsonObject => (isObject(context.document.value) ? context.document.value : {});

export const tensorTwice: Rule = {
  code: 'tensor-twice',
  title: 'A tensor is in two weight files',
  severity: 'warning',
  kinds: ['index'],
  check(context, report) {
    const map = weightMap(context);
    const shards = shardsOf(map);
    const first = new Map<string, string>();
    for (const file of shards.keys()) {
      for (const { name } of context.facts.shards.get(file)?.tensors ?? []) {
        const other = first.get(name);
        if (other === undefined) {
          first.set(name, file);
          continue;
        }
        report(
          map[name] === undefined ? ['weight_map', shards.get(file) ?? ''] : ['weight_map', name],
          `${name} is in ${other} and in ${file}. Which of the two is loaded depends on the loader.`,
          {
            related: [
              { message: other, place: { file: other } },
              { message: file, place: { file } },
            ],
          },
        );
      }
    }
  },
};

export const indexPathOutside: Rule = {
  code: 'index-path-outside',
  title: 'The index points outside the model folder',
  severity: 'error',
  kinds: ['index'],
  check(context, report) {
    for (const [file, tensor] of shardsOf(weightMap(context))) {
      if (!/(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[A-Za-z]:/.test(file)) continue;
      report(
        ['weight_map', tensor],
        `"${file}" leaves the model folder and is not read. Weight files belong in the folder of their index.`,
      );
    }
  },
};
