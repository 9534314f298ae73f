/** What every list of sections has to be: data that survives a file, with names, units and sizes that fit. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import assert from 'node:assert/strict';
import { check, type Schema } from '../../../protocol/schema/check';
import { isReading } from '../../../protocol/sections/reading';
import { sections as schema, type Section } from '../../../protocol/sections/section';

/** The value as a file gives it back. */
export function throughFile<T>(of: Schema<T>, value: unknown, what: string): T {
  const checked = check(of, JSON.parse(JSON.stringify(value)), what);
  assert.ok(checked.ok, checked.ok ? '' : checked.why);
  return checked.result;
}

export function checkSections(
  sections: readonly Section[],
  { blocks }: { readonly blocks: readonly { readonly heads: number }[] },
): void {
  assert.deepEqual(throughFile(schema, sections, 'the sections'), sections);
  for (const section of sections) {
    assert.ok(section.title !== '' && section.id !== '', `section ${section.id} has no title or id`);
    checkSection(section, ({ layer, head }) =>
      assert.ok(head < (blocks[layer]?.heads ?? 0), `${section.id}: the model has no L${layer}H${head}`),
    );
  }
}

/**
 * A change is the result on show less the other one: where a table of heads of both results has these differences, it has them
 * in this direction and not in the other.
 */
export function checkSign(changes: readonly Section[], other: readonly Section[], own: readonly Section[]): void {
  const tables = (sections: readonly Section[]): ReadonlyMap<string, readonly number[]> =>
    new Map(
      sections.flatMap((section) =>
        section.kind === 'heads'
          ? section.numbers.map(({ name, values }) => [`${section.id} ${name}`, values.flat()] as const)
          : [],
      ),
    );
  const [before, after] = [tables(other), tables(own)];
  const differences = [...after].flatMap(([name, values]) => {
    const others = before.get(name);
    return others?.length === values.length ? [values.map((value, at) => value - (others[at] ?? Number.NaN))] : [];
  });
  const alike = (a: readonly number[], b: readonly number[], sign: number): boolean =>
    a.length === b.length &&
    a.every((value, at) => {
      const against = sign * (b[at] ?? Number.NaN);
      return Number.isNaN(value) ? Number.isNaN(against) : Math.abs(value - against) <= 1e-9;
    });
  for (const [name, values] of tables(changes)) {
    if (values.every((value) => value === 0 || Number.isNaN(value))) continue;
    const reversed = differences.some((difference) => alike(values, difference, -1));
    const asSaid = differences.some((difference) => alike(values, difference, 1));
    assert.ok(asSaid || !reversed, `${name}: the change is the other result less this one`);
  }
}

interface Named {
  readonly title: string;
  readonly unit?: string;
  readonly definition?: string;
}

function checkSection(section: Section, isHead: (place: HeadPlace) => void): void {
  const named = ({ title, unit, definition }: Named): void => {
    assert.ok(title !== '', `${section.id}: a number without a title`);
    assert.ok(unit !== undefined, `${section.id}: ${title} has no unit`);
    assert.ok(definition, `${section.id}: ${title} has no definition`);
  };
  switch (section.kind) {
    case 'heads':
      for (const { values, low, high, ...words } of section.numbers) {
        named(words);
        for (const table of [values, low ?? values, high ?? values]) {
          table.forEach((row, layer) => row.forEach((_, head) => isHead({ layer, head })));
          assert.deepEqual(table.map(sizeOf), values.map(sizeOf), `${section.id}: tables of other sizes`);
        }
      }
      for (const { heads } of section.classes ?? []) heads.forEach(isHead);
      section.marked?.forEach(isHead);
      break;
    case 'table':
      section.columns.filter(({ kind }) => kind === 'number').forEach(named);
      for (const row of section.rows) {
        assert.equal(row.length, section.columns.length, `${section.id}: a row of another length`);
        row.forEach((cell, at) => {
          const kind = section.columns[at]?.kind;
          if (cell === null) return;
          if (typeof cell === 'object') isHead('of' in cell ? cell.of : cell);
          if (isReading(cell)) {
            const { tokens = [] } = section.texts?.[cell.text] ?? {};
            for (const token of [cell.query, cell.key, ...cell.keys])
              assert.ok(token < tokens.length, `${section.id}: its text has no token ${token}`);
          }
          const object = isReading(cell) ? 'reading' : 'head';
          const found = typeof cell === 'object' ? object : typeof cell === 'string' ? 'text' : 'number';
          assert.equal(found, kind, `${section.id}: ${JSON.stringify(cell)} in a column of kind ${kind}`);
        });
      }
      break;
    case 'map':
      named(section);
      assert.deepEqual(
        section.values.map(sizeOf),
        section.rows.labels.map(() => section.columns.labels.length),
        `${section.id}: not as many numbers as labels`,
      );
      break;
    case 'matrix':
      isHead(section.of);
      break;
    case 'chart':
      for (const axis of [section.x, section.y]) assert.ok(axis.title !== '', `${section.id}: an axis without a title`);
      break;
    case 'tokens':
    case 'image':
      section.numbers.forEach(named);
      break;
    case 'graph':
      named({ title: section.title, unit: section.unit, definition: section.definition });
      break;
    case 'experts':
      assert.ok(section.of >= section.tokens.length, `${section.id}: more tokens are shown than there are`);
      for (const { chosen } of section.layers) assert.equal(chosen.length, section.tokens.length, section.id);
      break;
    case 'text':
    case 'generations':
      break;
  }
}

const sizeOf = (row: readonly unknown[]): number => row.length;

/** The numbers that a section shows as measured: not places, and not where a category or a counted point stands on its axis. */
export function numbersIn(section: Section): readonly number[] {
  const given = (numbers: readonly (number | undefined)[]): number[] =>
    numbers.filter((value) => value !== undefined && !Number.isNaN(value)) as number[];
  switch (section.kind) {
    // Its numbers are asked for where it is shown.
    case 'matrix':
      return [];
    case 'heads':
      return given(section.numbers.flatMap(({ values, low = [], high = [] }) => [values, low, high].flat(2)));
    case 'table':
      return given(section.rows.flat().filter((cell) => typeof cell === 'number'));
    case 'map':
      return given(section.values.flat());
    case 'chart':
      return given(
        section.series.flatMap(({ points }) =>
          points.flatMap(({ x, y, low, high }, at) => [
            ...(section.x.scale === 'category' || x === at ? [] : [x]),
            ...(section.y.scale === 'category' ? [] : [y, low, high]),
          ]),
        ),
      );
    case 'tokens':
    case 'image':
      return given(section.numbers.flatMap(({ values }) => values));
    case 'graph':
      return given([...section.nodes, ...section.edges].map(({ weight }) => weight));
    case 'generations':
      return given(section.items.flatMap(({ scores = [] }) => scores));
    case 'experts':
      return given(
        section.layers.flatMap(({ loads, entropy, entropies, weights }) => [
          ...loads,
          entropy,
          ...entropies,
          ...weights.flat(),
        ]),
      );
    case 'text':
      return [];
  }
}

/** Every number anywhere in a value. */
export function numbersOf(value: unknown): ReadonlySet<number> {
  const found = new Set<number>();
  const look = (part: unknown): void => {
    if (typeof part === 'number') found.add(part);
    else if (typeof part === 'object' && part !== null) Object.values(part).forEach(look);
  };
  look(value);
  return found;
}
