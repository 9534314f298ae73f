// npm run manifest: writes schemas/, the JSON Schemas of saved files, from the schemas by which Headscope reads them, for VS Code's
// JSON support. They are more lenient: sizes that a file says of itself, sums and orders are checked when it is read.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { formatted } from './formatted.mjs';
import { root } from './setup.mjs';

// Through one loader: imported from here one by one, each would be read a second time, with schemas of its own.
const load = createRequire(import.meta.url);
const { analysisResult } = load('../protocol/analysis/schema.ts');
const { customEditors, interventionSuffix } = load('../protocol/contributions/views.ts');
const { ownFamilySchema } = load('../models/formats/workspace-family.ts');
const { captureFile } = load('../protocol/captures/capture-file.ts');
const { captureSuffix } = load('../protocol/wire/capture-name.ts');
const { kernelDescription } = load('../protocol/inputs/kernel-description.ts');
const { kernelDescriptionEnding } = load('../protocol/inputs/kernel-file.ts');
const { headscopeFileFields } = load('../protocol/inputs/headscope-file.ts');
const { savedInterventions } = load('../protocol/interventions/file.ts');
const { interventionField } = load('../protocol/interventions/interventions.ts');
const { headPlanField } = load('../protocol/plans/head-plan.ts');
const { planField } = load('../protocol/plans/plan-file.ts');
const { circuitField } = load('../protocol/circuits/circuit-file.ts');
const { savedBenchmark } = load('../protocol/results/benchmark-schema.ts');
const { savedHallucination } = load('../protocol/results/hallucination-schema.ts');
const { writtenHeads } = load('../protocol/results/heads-schema.ts');
const { savedModule } = load('../protocol/results/module-schema.ts');
const { choicesOf } = load('../protocol/schema/fields.ts');
const { sweepFile } = load('../protocol/sweeps/sweep-file.ts');
const { sweepSuffix } = load('../protocol/sweeps/sweep-name.ts');
const { section } = load('../protocol/sections/section.ts');

/** Written once in each schema that holds them. */
const shared = new Map([
  [interventionField, 'intervention'],
  [section, 'section'],
  [headPlanField, 'headPlan'],
]);

const options = {
  target: 'draft-07',
  // The last schema of a pipe: those before it ask only whether there is an object or a list.
  typeMode: 'output',
  // What JSON Schema has no words for is left to the reader of the file.
  errorMode: 'ignore',
  // Lengths that go by a size of the file.
  ignoreActions: ['length'],
  overrideSchema: ({ valibotSchema }) => {
    const name = shared.get(valibotSchema);
    return name === undefined ? choiceOf(valibotSchema) : { $ref: `#/definitions/${name}` };
  },
};

function choiceOf(schema) {
  const choices = choicesOf(schema);
  return choices === undefined ? undefined : { anyOf: choices.map(converted) };
}

/** `lazy` schemas leave definitions of what they are without a value. */
function converted(schema) {
  const { $schema: _schema, $defs: _defs, definitions: _definitions, ...rest } = toJsonSchema(schema, options);
  return rest;
}

const parts = () => Object.fromEntries([...shared].map(([schema, name]) => [name, choiceOf(schema)]));

/** Every schema in a tree, changed. */
function changed(tree, change) {
  if (Array.isArray(tree)) return tree.map((one) => changed(one, change));
  if (typeof tree !== 'object' || tree === null) return tree;
  return change(Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, changed(value, change)])));
}

/** Without bounds that no person meets. */
const plain = (schema) =>
  changed(schema, ({ maximum, maxLength, ...rest }) => ({
    ...rest,
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    ...(maxLength === undefined || maxLength === 2 ** 20 ? {} : { maxLength }),
  }));

/** Their bounds go by sizes that the file says. */
const unbounded = (schema) => changed(schema, ({ maximum: _maximum, ...rest }) => rest);

/** Earlier files lack them. */
const notRequired =
  (...names) =>
  (schema) =>
    changed(schema, (one) =>
      Array.isArray(one.required) ? { ...one, required: one.required.filter((name) => !names.includes(name)) } : one,
    );

/** A number that JSON has none for (an infinite error) is written as null. */
const nullable = (schema) =>
  changed(schema, (one) => (one.type === 'number' ? { ...one, type: ['number', 'null'] } : one));

/** The language server knows the rules and completes and checks what is under `severity`: VS Code would say it a second time. */
const spokenFor = ({ properties, ...rest }) => ({
  ...rest,
  properties: {
    ...properties,
    severity: { description: properties.severity.description, type: 'object' },
    families: {
      description: properties.families.description,
      type: 'array',
      items: suggested(converted(ownFamilySchema)),
    },
  },
});

/** The part of a schema that VS Code completes and explains from. Faults are reported by the language server. */
const suggested = ({ properties, description, type, enum: names, items }) => ({
  ...(type === undefined ? {} : { type }),
  ...(description === undefined ? {} : { description }),
  ...(names === undefined ? {} : { enum: names }),
  ...(items === undefined || Array.isArray(items) ? {} : { items: suggested(items) }),
  ...(properties === undefined
    ? {}
    : { properties: Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, suggested(schema)])) }),
});

/** Files of format 1 are written by the command line alone, for itself. */
const unlessBare = ({ $schema, title, ...rest }) => ({
  $schema,
  title,
  type: 'object',
  required: ['kind', 'version'],
  properties: { kind: { const: 'headscope-circuit' } },
  if: { properties: { version: { const: 1 } } },
  then: {},
  else: rest,
});

const kinds = {
  bench: {
    suffix: customEditors.benchmark.suffix,
    title: customEditors.benchmark.name,
    of: savedBenchmark,
    also: nullable,
  },
  heads: {
    suffix: customEditors.heads.suffix,
    title: customEditors.heads.name,
    of: writtenHeads,
    also: (schema) => notRequired('gains', 'interventions')(unbounded(schema)),
  },
  hallucination: {
    suffix: customEditors.hallucination.suffix,
    title: customEditors.hallucination.name,
    of: savedHallucination,
    also: unbounded,
  },
  analysis: { suffix: customEditors.analysis.suffix, title: customEditors.analysis.name, of: analysisResult },
  module: { suffix: customEditors.module.suffix, title: customEditors.module.name, of: savedModule },
  plan: { suffix: customEditors.plan.suffix, title: customEditors.plan.name, of: planField },
  circuit: {
    suffix: customEditors.circuit.suffix,
    title: customEditors.circuit.name,
    of: circuitField,
    also: unlessBare,
  },
  intervention: { suffix: interventionSuffix, title: 'Headscope Intervention', of: savedInterventions() },
  capture: { suffix: captureSuffix, title: 'Headscope Capture', of: captureFile },
  kernel: { suffix: kernelDescriptionEnding, title: 'Headscope Kernel', of: kernelDescription },
  sweep: { suffix: sweepSuffix, title: 'Headscope Sweep', of: sweepFile, yaml: true },
  repository: {
    name: '.headscope.json',
    title: 'Headscope in a Repository',
    of: headscopeFileFields,
    also: spokenFor,
  },
};

export const schemaFile = (kind) => `schemas/headscope-${kind}.schema.json`;

/** For `contributes.jsonValidation` of package.json. Files in YAML are left to the language server; their schema is for other editors. */
export const jsonValidation = Object.entries(kinds)
  .filter(([, { yaml = false }]) => !yaml)
  .map(([kind, { suffix, name = `*${suffix}` }]) => ({ fileMatch: name, url: `./${schemaFile(kind)}` }));

/** By the path of their file; texts as they are formatted. */
export async function schemaTexts() {
  const entries = Object.entries(kinds).map(async ([kind, { title, of, also = (schema) => schema }]) => {
    const schema = also({ $schema: 'http://json-schema.org/draft-07/schema#', title, ...converted(of) });
    const definitions = used(parts(), schema);
    const text = JSON.stringify(plain(definitions === undefined ? schema : { ...schema, definitions }));
    return [schemaFile(kind), await formatted(schemaFile(kind), text)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The parts that are named, directly or by one another. */
function used(all, schema) {
  const named = new Set();
  const look = (tree) => {
    for (const [, name] of JSON.stringify(tree).matchAll(/"#\/definitions\/(\w+)"/g)) {
      if (named.has(name)) continue;
      named.add(name);
      look(all[name]);
    }
  };
  look(schema);
  const kept = Object.entries(all).filter(([name]) => named.has(name));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Writes the folder anew. */
export async function writeSchemas() {
  const folder = join(root, 'schemas');
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  for (const [file, text] of Object.entries(await schemaTexts())) writeFileSync(join(root, file), text);
}
