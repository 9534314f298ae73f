/** What becomes of a file of an earlier version, or of the command line, when it is saved again. */
import { analysisSuffix } from '../../protocol/contributions/views';
import { fieldsIn } from '../../protocol/schema/fields';
import { isEarlier, resultKinds, type Kind } from './result-kinds';
import { listed } from '../../protocol/wire/listed';

/** The same whatever the order of its fields and of the objects in a list: the rows of a benchmark are written in theirs. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value.map(inOrder);
    const isOfObjects = items.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
    return isOfObjects ? items.map((item) => JSON.stringify(item)).sort() : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, inner]) => [name, inOrder(inner)]));
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));

/** A sentence where the file and what is saved of it differ in more than order; undefined elsewhere. */
export function changeWhenSaved<K extends Kind>(kind: K, content: string): string | undefined {
  const { parse, text } = resultKinds[kind];
  const read = parse(content);
  if (!read.ok) return undefined;
  if (isEarlier(kind))
    return `The copy is a result of an analysis, as this version of Headscope writes it (*${analysisSuffix}). The file that was opened stays as it is.`;
  const before = fieldsIn(JSON.parse(content));
  const after = fieldsIn(JSON.parse(text(read.result)));
  const gone = Object.keys(before).filter((name) => !(name in after));
  const added = Object.keys(after).filter((name) => !(name in before));
  const changed = Object.keys(before).filter((name) => name in after && !same(before[name], after[name]));
  const parts = [
    ...(gone.length === 0 ? [] : [`without ${listed(gone)}`]),
    ...(added.length === 0 ? [] : [`with ${listed(added)}`]),
    ...(changed.length === 0 ? [] : [`with ${listed(changed)} in today's form`]),
  ];
  return parts.length === 0
    ? undefined
    : `The copy is written as this version of Headscope writes it: ${parts.join(', ')}. The file that was opened stays as it is.`;
}
