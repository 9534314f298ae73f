/** Changes of a circuit by hand, each one step of Undo. What is not there is left out, and the same circuit means nothing changed. Pure. */
import type { Circuit, CircuitGroup, CircuitMark } from './circuit-file';
import { parentsOf } from './shown';

/** Marks with these changed; a mark that says nothing any more is left out. */
function remarked(circuit: Circuit, ids: readonly string[], change: (mark: CircuitMark) => CircuitMark): Circuit {
  const known = new Set([...circuit.nodes, ...circuit.groups].map(({ id }) => id));
  const asked = [...new Set(ids)].filter((id) => known.has(id));
  const marks = new Map(circuit.marks.map((mark) => [mark.of, mark]));
  let changed = false;
  for (const id of asked) {
    const before = marks.get(id);
    const after = change(before ?? { of: id });
    const isEmpty = Object.keys(after).length === 1;
    if (isEmpty ? before === undefined : JSON.stringify(before) === JSON.stringify(after)) continue;
    changed = true;
    if (isEmpty) marks.delete(id);
    else marks.set(id, after);
  }
  return changed ? { ...circuit, marks: [...marks.values()] } : circuit;
}

export interface Placed {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

export function moved(circuit: Circuit, places: readonly Placed[]): Circuit {
  const to = new Map(places.map(({ id, x, y }) => [id, { x: Math.round(x), y: Math.round(y) }]));
  return remarked(circuit, [...to.keys()], (mark) => {
    const at = to.get(mark.of);
    return at ? { ...mark, at } : mark;
  });
}

/** They stand where the layout puts them again. */
export const unplaced = (circuit: Circuit, ids: readonly string[]): Circuit =>
  remarked(circuit, ids, ({ at: _at, ...rest }) => rest);

/** An empty name gives a node its label back; a group keeps its name. */
export function renamed(circuit: Circuit, id: string, name: string): Circuit {
  const words = name.trim();
  const group = circuit.groups.find((one) => one.id === id);
  if (group) {
    if (words === '' || words === group.name) return circuit;
    return { ...circuit, groups: circuit.groups.map((one) => (one === group ? { ...one, name: words } : one)) };
  }
  const node = circuit.nodes.find((one) => one.id === id);
  return remarked(circuit, [id], ({ name: _name, ...rest }) =>
    words === '' || words === node?.label ? rest : { ...rest, name: words },
  );
}

export const noted = (circuit: Circuit, id: string, note: string): Circuit =>
  remarked(circuit, [id], ({ note: _note, ...rest }) => (note.trim() === '' ? rest : { ...rest, note }));

export const pinned = (circuit: Circuit, ids: readonly string[], pin: boolean): Circuit =>
  remarked(circuit, ids, ({ pinned: _pinned, ...rest }) => (pin ? { ...rest, pinned: true } : rest));

/** A closed group of nodes and groups; those that lie in one group already make a group inside it. */
export function grouped(circuit: Circuit, ids: readonly string[]): Circuit {
  const known = new Set([...circuit.nodes, ...circuit.groups].map(({ id }) => id));
  const members = [...new Set(ids)].filter((id) => known.has(id));
  if (members.length < 2) return circuit;
  const parents = parentsOf(circuit.groups);
  const inside = new Set(members.map((id) => parents.get(id)));
  const [parent] = inside.size === 1 ? inside : [];
  let number = 1;
  while (known.has(`group-${number}`)) number += 1;
  const id = `group-${number}`;
  const taken = new Set(members);
  // Members of several groups leave them: a node is in one group at most.
  const groups = circuit.groups.map((group): CircuitGroup => {
    const rest = group.members.filter((member) => !taken.has(member));
    return group.id === parent
      ? { ...group, members: [...rest, id] }
      : rest.length === group.members.length
        ? group
        : { ...group, members: rest };
  });
  return withoutEmpty({ ...circuit, groups: [...groups, { id, name: `Group ${number}`, members }] });
}

/** Their members are on their own again, or in the group around. Notes and pins of a group go with it. */
export function ungrouped(circuit: Circuit, ids: readonly string[]): Circuit {
  let { groups } = circuit;
  for (const id of ids) {
    const group = groups.find((one) => one.id === id);
    if (!group) continue;
    groups = groups
      .filter((one) => one !== group)
      .map((one) =>
        one.members.includes(id)
          ? { ...one, members: one.members.flatMap((member) => (member === id ? group.members : [member])) }
          : one,
      );
  }
  return groups === circuit.groups ? circuit : withoutEmpty({ ...circuit, groups });
}

export function opened(circuit: Circuit, id: string, open: boolean): Circuit {
  const group = circuit.groups.find((one) => one.id === id);
  if (!group || (group.open === true) === open) return circuit;
  const { open: _open, ...closed } = group;
  const after = open ? { ...closed, open: true } : closed;
  return { ...circuit, groups: circuit.groups.map((one) => (one === group ? after : one)) };
}

/** Without what the last run did not find again, and with nothing marked as new. */
export function settled(circuit: Circuit): Circuit {
  const plain = <T extends { readonly fresh?: true; readonly gone?: string }>(of: readonly T[]): readonly T[] =>
    of.filter(({ gone }) => gone === undefined).map(({ fresh: _fresh, ...rest }) => rest as unknown as T);
  const isMarked = ({ fresh, gone }: { readonly fresh?: true; readonly gone?: string }): boolean =>
    fresh === true || gone !== undefined;
  if (![...circuit.nodes, ...circuit.edges].some(isMarked)) return circuit;
  const nodes = plain(circuit.nodes);
  const known = new Set([...nodes, ...circuit.groups].map(({ id }) => id));
  return withoutEmpty({
    ...circuit,
    nodes,
    edges: plain(circuit.edges).filter(({ from, to }) => known.has(from) && known.has(to)),
    groups: circuit.groups.map((group) => ({ ...group, members: group.members.filter((id) => known.has(id)) })),
  });
}

/** Without groups that hold nothing, and without marks of what is not there. */
function withoutEmpty(circuit: Circuit): Circuit {
  let { groups } = circuit;
  for (;;) {
    const known = new Set([...circuit.nodes, ...groups].map(({ id }) => id));
    const next = groups
      .map((group) => ({ ...group, members: group.members.filter((id) => known.has(id)) }))
      .filter(({ members }) => members.length > 0);
    const same = next.length === groups.length;
    groups = next;
    if (!same) continue;
    return { ...circuit, groups, marks: circuit.marks.filter(({ of }) => known.has(of)) };
  }
}
