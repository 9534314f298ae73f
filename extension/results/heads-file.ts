/**
 * A saved result of the heads as text: parsed without trust, written one field a line. The pictures of the heads lie inside as
 * base64, so that a file that is moved, mailed or renamed stays whole. JSON has no NaN: a number that no query of the prompt
 * gives is written as null and read back as NaN. Pure.
 */
import type {
  CausalChange,
  ClassAblation,
  HeadClass,
  HeadGain,
  HeadsResult,
  HeadStatistics,
  HeadThumbnails,
  LabelScores,
  PerHead,
  TopKey,
} from '../../protocol/results/heads';
import { headLabels, headStatisticNames } from '../../protocol/results/heads';
import type { Parsed, Table } from './checks';
import { checkHead, checkProvenance, isCount, isNumber, isTable, isText, isWhole, need, parseChecked } from './checks';

export interface SavedHeads {
  readonly result: HeadsResult;
  readonly thumbnails?: HeadThumbnails;
}

export type ParsedHeads = Parsed<SavedHeads>;

/** Largest side of a table: more is no model, and would be drawn for minutes. */
export const mostLayers = 1024;
export const mostHeads = 1024;
/** Numbers in all pictures of a file: 1,024 heads of 64 x 64. */
const mostPixels = 1024 * 64 * 64;

const orNaN = (value: unknown): number => (isNumber(value) ? value : Number.NaN);

export function checkTable(value: unknown, place: string, layers: number, heads: number): PerHead {
  need(Array.isArray(value) && value.length === layers, place, `a list of ${layers} layers`);
  return value.map((row: unknown, layer) => {
    need(Array.isArray(row) && row.length === heads, `${place}[${layer}]`, `a list of ${heads} heads`);
    return row.map((number: unknown, head) => {
      need(number === null || isNumber(number), `${place}[${layer}][${head}]`, 'a number');
      return orNaN(number);
    });
  });
}

export function checkModel(value: unknown): void {
  need(isTable(value), 'model', 'an object');
  for (const key of ['folder', 'name', 'family', 'hash']) need(isText(value[key]), `model.${key}`, 'a text');
  for (const key of ['layers', 'heads', 'kvHeads', 'headDim', 'hiddenSize', 'vocabulary'])
    need(isCount(value[key]), `model.${key}`, 'a positive whole number');
  need(isWhole(value['weightBytes']), 'model.weightBytes', 'a whole number');
  const { contextLength, tokenizer, windows, dtypes } = value as Table & Partial<Record<string, unknown>>;
  need(contextLength === undefined || isCount(contextLength), 'model.contextLength', 'a positive whole number');
  for (const key of ['causal', 'chatTemplate']) need(typeof value[key] === 'boolean', `model.${key}`, 'true or false');
  need(tokenizer === true || isText(tokenizer), 'model.tokenizer', 'true or a sentence');
  need(Array.isArray(windows) && windows.every((one) => one === null || isCount(one)), 'model.windows', 'a list');
  need(Array.isArray(dtypes) && dtypes.every(isText), 'model.dtypes', 'a list of texts');
}

/** A gain as it stands in a list at `place`; `layers` and `heads` bound it when they are known. */
export function checkGains(value: unknown, place: string, layers = mostLayers, heads = mostHeads): HeadGain[] {
  need(Array.isArray(value), place, 'a list');
  return value.map((one: unknown, at): HeadGain => {
    const here = `${place}[${at}]`;
    need(isTable(one), here, 'an object');
    const { layer, head, gain } = one;
    need(isWhole(layer) && layer < layers, `${here}.layer`, `a layer from 0 to ${layers - 1}`);
    need(isWhole(head) && head < heads, `${here}.head`, `a head from 0 to ${heads - 1}`);
    need(isNumber(gain), `${here}.gain`, 'a number');
    return { layer, head, gain };
  });
}

const isLabel = (value: unknown): value is HeadClass['label'] => (headLabels as readonly unknown[]).includes(value);

function checkCausal(value: Table, place: string): CausalChange {
  const { on, lossChange, promptLossChange, alreadyOff } = value;
  need(isText(on), `${place}.on`, 'a text');
  return {
    lossChange: orNaN(lossChange),
    on,
    ...(promptLossChange === undefined ? {} : { promptLossChange: orNaN(promptLossChange) }),
    ...(isCount(alreadyOff) ? { alreadyOff } : {}),
  };
}

function checkAblations(value: unknown): ClassAblation[] {
  need(Array.isArray(value), 'classAblations', 'a list');
  return value.map((one: unknown, at): ClassAblation => {
    const place = `classAblations[${at}]`;
    need(isTable(one), place, 'an object');
    const { label, heads } = one;
    need(isLabel(label), `${place}.label`, `one of ${headLabels.join(', ')}`);
    need(isCount(heads), `${place}.heads`, 'a positive whole number');
    return { label, heads, ...checkCausal(one, place) };
  });
}

function checkTopKeys(value: unknown, layers: number, heads: number, tokens: number): HeadsResult['topKeys'] & object {
  need(Array.isArray(value) && value.length === layers, 'topKeys', `a list of ${layers} layers`);
  return value.map((row: unknown, layer) => {
    need(Array.isArray(row) && row.length === heads, `topKeys[${layer}]`, `a list of ${heads} heads`);
    return row.map((keys: unknown, head): TopKey[] => {
      const place = `topKeys[${layer}][${head}]`;
      need(Array.isArray(keys), place, 'a list');
      return keys.map((one: unknown, at): TopKey => {
        need(isTable(one), `${place}[${at}]`, 'an object');
        const { key, weight } = one;
        need(isWhole(key) && key < tokens, `${place}[${at}].key`, `a position from 0 to ${tokens - 1}`);
        return { key, weight: orNaN(weight) };
      });
    });
  });
}

function checkLabelScores(value: unknown, layers: number, heads: number): NonNullable<HeadsResult['labelScores']> {
  need(isTable(value), 'labelScores', 'an object');
  return Object.fromEntries(
    Object.entries(value).map(([label, tables]) => {
      const place = `labelScores.${label}`;
      need(isLabel(label), place, `of ${headLabels.join(', ')}`);
      need(isTable(tables), place, 'an object');
      const { nullSeeds, nullFloor } = tables;
      const table = (name: string) => checkTable(tables[name], `${place}.${name}`, layers, heads);
      const scores: LabelScores = {
        score: table('score'),
        nullMean: table('nullMean'),
        nullSd: table('nullSd'),
        ...(isCount(nullSeeds) ? { nullSeeds } : {}),
        ...(isNumber(nullFloor) ? { nullFloor } : {}),
        confidence: table('confidence'),
        ...(tables['needed'] === undefined ? {} : { needed: table('needed') }),
      };
      return [label, scores];
    }),
  );
}

function checkClass(value: unknown, at: number, layers: number, heads: number): HeadClass {
  const place = `classes[${at}]`;
  need(isTable(value), place, 'an object');
  const { layer, head, label, causal } = value;
  const none = value['null'];
  need(isWhole(layer) && layer < layers, `${place}.layer`, `a layer from 0 to ${layers - 1}`);
  need(isWhole(head) && head < heads, `${place}.head`, `a head from 0 to ${heads - 1}`);
  need(isLabel(label), `${place}.label`, `one of ${headLabels.join(', ')}`);
  need(isTable(none), `${place}.null`, 'an object');
  need(causal === undefined || isTable(causal), `${place}.causal`, 'an object');
  const { seeds, floor } = none;
  return {
    layer,
    head,
    label,
    score: orNaN(value['score']),
    null: {
      mean: orNaN(none['mean']),
      sd: orNaN(none['sd']),
      ...(isCount(seeds) ? { seeds } : {}),
      ...(isNumber(floor) ? { floor } : {}),
    },
    confidence: orNaN(value['confidence']),
    ...(causal === undefined ? {} : { causal: checkCausal(causal, `${place}.causal`) }),
  };
}

function checkThumbnails(value: unknown, layers: number, heads: number): HeadThumbnails {
  need(isTable(value), 'thumbnails', 'an object');
  const { size, data, encoding } = value;
  need(value['layers'] === layers && value['heads'] === heads, 'thumbnails', `of ${layers} layers and ${heads} heads`);
  need(isCount(size) && size * size * layers * heads <= mostPixels, 'thumbnails.size', 'a size that can be drawn');
  need(encoding === 'float32-base64', 'thumbnails.encoding', '"float32-base64"');
  need(isText(data), 'thumbnails.data', 'a text');
  const bytes = Buffer.from(data, 'base64');
  const numbers = layers * heads * size * size;
  need(bytes.length === numbers * 4, 'thumbnails.data', `${numbers} numbers of 4 bytes`);
  const pixels = new Float32Array(numbers);
  for (let at = 0; at < numbers; at += 1) pixels[at] = bytes.readFloatLE(at * 4);
  return { size, layers, heads, data: pixels };
}

function check(value: unknown): SavedHeads {
  checkHead(value, 'headscope-heads', 'saved result of heads');
  checkProvenance(value);
  checkModel(value['model']);
  const { prompt, ids, tokens, layers, heads, statistics, groups, classes, parity, seconds } = value;
  need(prompt === null || isText(prompt), 'prompt', 'a text or null');
  need(Array.isArray(ids) && ids.every(isWhole), 'ids', 'a list of token ids');
  need(
    Array.isArray(tokens) && tokens.every(isText) && tokens.length === ids.length,
    'tokens',
    'a list with one text for each id',
  );
  need(isCount(layers) && layers <= mostLayers, 'layers', `a whole number from 1 to ${mostLayers}`);
  need(isCount(heads) && heads <= mostHeads, 'heads', `a whole number from 1 to ${mostHeads}`);
  need(isTable(statistics), 'statistics', 'an object');
  const tables = Object.fromEntries(
    headStatisticNames.map((name) => [name, checkTable(statistics[name], `statistics.${name}`, layers, heads)]),
  ) as unknown as HeadStatistics;
  need(isTable(groups), 'groups', 'an object');
  need(Array.isArray(classes), 'classes', 'a list');
  need(isTable(parity), 'parity', 'an object');
  const { layerErrors, ok } = parity;
  need(Array.isArray(layerErrors), 'parity.layerErrors', 'a list');
  need(typeof ok === 'boolean', 'parity.ok', 'true or false');
  need(isNumber(seconds), 'seconds', 'a number');
  const { thumbnails, topKeys, labelScores, classAblations, ...rest } = value;
  return {
    result: {
      ...(rest as unknown as HeadsResult),
      gains: checkGains(value['gains'], 'gains', layers, heads),
      statistics: tables,
      groups: Object.fromEntries(
        Object.entries(groups).map(([name, table]) => [name, checkTable(table, `groups.${name}`, layers, heads)]),
      ),
      ...(topKeys === undefined ? {} : { topKeys: checkTopKeys(topKeys, layers, heads, ids.length) }),
      classes: classes.map((one, at) => checkClass(one, at, layers, heads)),
      ...(labelScores === undefined ? {} : { labelScores: checkLabelScores(labelScores, layers, heads) }),
      ...(classAblations === undefined ? {} : { classAblations: checkAblations(classAblations) }),
      parity: {
        ...(parity as unknown as HeadsResult['parity']),
        maxLogitError: orNaN(parity['maxLogitError']),
        layerErrors: layerErrors.map(orNaN),
      },
    },
    ...(thumbnails === undefined ? {} : { thumbnails: checkThumbnails(thumbnails, layers, heads) }),
  };
}

export const parseHeads = (text: string): ParsedHeads => parseChecked(text, check);

/** Little-endian float32, [layers][heads][size][size], as base64: exact, and one line of the file. */
function encoded({ size, layers, heads, data }: HeadThumbnails): Table {
  const bytes = Buffer.alloc(data.length * 4);
  data.forEach((number, at) => bytes.writeFloatLE(number, at * 4));
  return { size, layers, heads, encoding: 'float32-base64', data: bytes.toString('base64') };
}

export function headsText({ result, thumbnails }: SavedHeads): string {
  const file = thumbnails === undefined ? result : { ...result, thumbnails: encoded(thumbnails) };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}
