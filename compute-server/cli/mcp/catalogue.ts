/** The tool `catalogue`: what can be run, and the parameters of each. */
import { infoOf } from '../../../diagnostics/analysis-info';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import { tasks } from '../../../diagnostics/tasks/catalogue';
import { catalogue as mechanisms } from '../../../kernels/catalogue';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { wrongUsage } from '../exit-codes';
import { schemaOfTable } from './json-schema';

interface Row {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly words: string;
  readonly parameters: ParameterTable;
  readonly about: Readonly<Record<string, unknown>>;
}

const rows = {
  analyses: (): readonly Row[] =>
    [...analyses, ...experiments].map((one) => {
      const { id, title, question, group, inputs, source, trains } = { trains: undefined, ...infoOf(one) };
      const about = { group, inputs, source, ...(trains ? { trains } : {}) };
      return { id, title, words: question, parameters: one.parameters, about };
    }),
  tasks: (): readonly Row[] =>
    tasks.map(({ id, title, metric, source, parameters }) => ({
      ...{ id, title, parameters },
      words: source.reference,
      about: { metric, source },
    })),
  mechanisms: (): readonly Row[] =>
    mechanisms.map(({ id, title, summary, family, source, parameters }) => ({
      ...{ id, title, parameters },
      words: summary,
      about: { family, source },
    })),
};

export interface Listed {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export function listed(given: Readonly<Record<string, unknown>>): Listed {
  const { kind = 'analyses', id, ...others } = given;
  const [stray] = Object.keys(others);
  if (stray !== undefined) {
    throw wrongUsage(`catalogue has no parameter "${stray.slice(0, 60)}". It takes kind, id.`);
  }
  if (typeof kind !== 'string' || !Object.hasOwn(rows, kind)) {
    throw wrongUsage(`"kind" is one of ${Object.keys(rows).join(', ')}.`);
  }
  const all = rows[kind as keyof typeof rows]();
  if (id === undefined) {
    return {
      text: all.map((row) => `${row.id}: ${row.words}`).join('\n'),
      json: { [kind]: all.map(({ id: name, title }) => ({ id: name, title })) },
    };
  }
  const row = all.find((one) => one.id === id);
  if (!row) throw wrongUsage(`There is no ${JSON.stringify(id).slice(0, 60)} in ${kind}. Choose one of ${names(all)}.`);
  const schema = schemaOfTable(row.parameters);
  return {
    text: `${row.title}. ${row.words}\nParameters: ${names(Object.keys(row.parameters).map((name) => ({ id: name }))) || 'none'}.`,
    json: { id: row.id, title: row.title, ...row.about, parameters: schema },
  };
}

const names = (all: readonly { readonly id: string }[]): string => all.map(({ id }) => id).join(', ');
