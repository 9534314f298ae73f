/**
 * A saved result of a vision-language model as text: of one picture, or of a set of them. Parsed without trust. JSON has no NaN:
 * it is written as null and read back as NaN. Pure.
 */
import type { HallucinationResult, HallucinationSet } from '../../protocol/results/hallucination';
import { outlierRules, removedPositions, vhdDistances } from '../../protocol/results/hallucination';
import type { Parsed, Table } from './checks';
import { checkHead, checkProvenance, isCount, isNumber, isTable, isText, isWhole, need, parseChecked } from './checks';
import { checkModel, checkTable, mostHeads, mostLayers } from './heads-file';

export type SavedHallucination = HallucinationResult | HallucinationSet;
export type ParsedHallucination = Parsed<SavedHallucination>;

/** Captions of more tokens, or sets of more pictures, are no result that can be drawn. */
const mostTokens = 65_536;
const mostEntries = 1_000_000;

const isOneOf = (value: unknown, of: readonly string[]): boolean => isText(value) && of.includes(value);

function checkFlags(value: unknown, place: string, layers: number, heads: number): void {
  need(Array.isArray(value) && value.length === layers, place, `a list of ${layers} layers`);
  for (const [layer, row] of value.entries()) {
    need(Array.isArray(row) && row.length === heads, `${place}[${layer}]`, `a list of ${heads} heads`);
    need(
      row.every((flag) => typeof flag === 'boolean'),
      `${place}[${layer}]`,
      'true or false for each head',
    );
  }
}

function checkCaption(value: unknown, place: string): void {
  need(isTable(value), place, 'an object');
  const { text, tokens, mentions, reinforcement, broken, score, stoppedAt } = value;
  need(isText(text), `${place}.text`, 'a text');
  need(Array.isArray(tokens) && tokens.length <= mostTokens, `${place}.tokens`, 'a list');
  for (const [at, token] of tokens.entries()) {
    need(isTable(token), `${place}.tokens[${at}]`, 'an object');
    need(isText(token['text']) && isWhole(token['id']), `${place}.tokens[${at}]`, 'a token with its text and id');
    for (const key of ['tVhd', 'probability'])
      need(token[key] === null || isNumber(token[key]), `${place}.tokens[${at}].${key}`, 'a number');
  }
  need(Array.isArray(mentions), `${place}.mentions`, 'a list');
  for (const [at, mention] of mentions.entries()) {
    const here = `${place}.mentions[${at}]`;
    need(isTable(mention), here, 'an object');
    need(isText(mention['word']) && isText(mention['object']), here, 'a word and its object');
    need(isWhole(mention['start']) && isWhole(mention['end']), here, 'a range of the text');
  }
  need(stoppedAt === undefined || isWhole(stoppedAt), `${place}.stoppedAt`, 'a number of tokens');
  need(broken === undefined || isText(broken), `${place}.broken`, 'a text');
  need(score === undefined || isTable(score), `${place}.score`, 'an object');
  need(reinforcement === null || isTable(reinforcement), `${place}.reinforcement`, 'an object or null');
  if (reinforcement !== null) checkReinforcement(reinforcement, `${place}.reinforcement`);
}

function checkReinforcement(value: Table, place: string): void {
  need(isNumber(value['alpha']), `${place}.alpha`, 'a number');
  need(isText(value['heads']) && isText(value['executor']), place, 'which heads and by which executor');
  need(typeof value['normMatched'] === 'boolean', `${place}.normMatched`, 'true or false');
  const { layers } = value;
  need(Array.isArray(layers) && layers.every(isWhole), `${place}.layers`, 'a list of layers');
}

function checkImage(value: unknown): void {
  need(isTable(value), 'image', 'an object');
  for (const key of ['name', 'path', 'sha256']) need(isText(value[key]), `image.${key}`, 'a text');
  for (const key of ['width', 'height', 'tokens']) need(isCount(value[key]), `image.${key}`, 'a positive whole number');
  const { tiles } = value;
  need(Array.isArray(tiles) && tiles.length > 0 && tiles.length <= 4096, 'image.tiles', 'a list of tiles');
  for (const [at, tile] of tiles.entries()) {
    need(isTable(tile), `image.tiles[${at}]`, 'an object');
    for (const key of ['x', 'y', 'width', 'height']) need(isNumber(tile[key]), `image.tiles[${at}].${key}`, 'a number');
    for (const key of ['rows', 'columns', 'stride'])
      need(isCount(tile[key]) && tile[key] <= 4096, `image.tiles[${at}].${key}`, 'a positive whole number');
    need(isWhole(tile['first']), `image.tiles[${at}].first`, 'a whole number');
  }
}

/** What both kinds begin with. */
function checkMeasure(value: Table): void {
  checkProvenance(value);
  checkModel(value['model']);
  const { prompt, distance, outliers, positions, k, seconds } = value;
  need(prompt === null || isText(prompt), 'prompt', 'a text or null');
  need(isOneOf(distance, vhdDistances), 'distance', `one of ${vhdDistances.join(', ')}`);
  need(isOneOf(outliers, outlierRules), 'outliers', `one of ${outlierRules.join(', ')}`);
  need(isOneOf(positions, removedPositions), 'positions', `one of ${removedPositions.join(', ')}`);
  need(isCount(k), 'k', 'a positive whole number');
  need(isNumber(seconds), 'seconds', 'a number');
  const { chatPrompt } = value;
  const rendered = isTable(chatPrompt) && isText(chatPrompt['text']);
  need(chatPrompt === undefined || rendered, 'chatPrompt', 'an object with its text');
}

function checkLabels(value: unknown): void {
  need(isTable(value), 'truthLabels', 'an object');
  for (const key of ['total', 'unknown']) need(isWhole(value[key]), `truthLabels.${key}`, 'a whole number');
  const { names } = value;
  need(Array.isArray(names) && names.every(isText), 'truthLabels.names', 'a list of labels');
}

function checkResult(value: Table): HallucinationResult {
  checkMeasure(value);
  const { layers, heads, removed, image, variants, sinks } = value;
  need(isCount(layers) && layers <= mostLayers, 'layers', `a whole number from 1 to ${mostLayers}`);
  need(isCount(heads) && heads <= mostHeads, 'heads', `a whole number from 1 to ${mostHeads}`);
  need(isTable(removed) && isOneOf(removed['kind'], ['image', 'span']), 'removed', 'the image or a span');
  if (image !== undefined) checkImage(image);
  for (const key of ['outlier', 'selected']) checkFlags(value[key], key, layers, heads);
  checkCaption(value['caption'], 'caption');
  need(Array.isArray(variants), 'variants', 'a list');
  variants.forEach((one, at) => checkCaption(one, `variants[${at}]`));
  for (const [key, what] of [
    ['truth', 'a list of objects'],
    ['references', 'a list of captions'],
  ] as const) {
    const texts = value[key];
    need(texts === undefined || (Array.isArray(texts) && texts.every(isText)), key, what);
  }
  need(sinks === undefined || (isTable(sinks) && Array.isArray(sinks['tokens'])), 'sinks', 'an object with tokens');
  const why = sinks?.['notApplicable'];
  need(why === undefined || isText(why), 'sinks.notApplicable', 'a text');
  if (value['truthLabels'] !== undefined) checkLabels(value['truthLabels']);
  return {
    ...(value as unknown as HallucinationResult),
    vhd: checkTable(value['vhd'], 'vhd', layers, heads),
    textEnergy: checkTable(value['textEnergy'], 'textEnergy', layers, heads),
    visualAttention: checkTable(value['visualAttention'], 'visualAttention', layers, heads),
  };
}

function checkScore(value: unknown, place: string): void {
  need(isTable(value), place, 'an object');
  const { captions, unfinished } = value;
  need(isWhole(captions), `${place}.captions`, 'a whole number');
  need(unfinished === undefined || isWhole(unfinished), `${place}.unfinished`, 'a whole number');
  for (const key of ['chairS', 'chairI', 'recall', 'length'])
    need(value[key] === null || isNumber(value[key]), `${place}.${key}`, 'a number or null');
}

/** Null where no interval could be given. */
function checkChange(value: unknown, place: string): void {
  need(isTable(value) && isWhole(value['pictures']), place, 'an object with its pictures');
  for (const name of ['chairS', 'chairI', 'recall']) {
    const change = value[name];
    const whole = isTable(change) && ['difference', 'low', 'high'].every((key) => isNumber(change[key]));
    need(change === null || whole, `${place}.${name}`, 'a difference with its interval, or null');
  }
}

function checkSample(value: unknown): void {
  need(isTable(value), 'sample', 'an object');
  for (const key of ['count', 'seed', 'of']) need(isWhole(value[key]), `sample.${key}`, 'a whole number');
}

function checkSet(value: Table): HallucinationSet {
  checkMeasure(value);
  const { entries, failures, variants, separation, total, state } = value;
  need(Array.isArray(entries) && entries.length <= mostEntries, 'entries', 'a list');
  for (const [at, entry] of entries.entries()) {
    need(isTable(entry) && isText(entry['name']), `entries[${at}]`, 'a picture with its name');
    need(Array.isArray(entry['truth']) && entry['truth'].every(isText), `entries[${at}].truth`, 'a list of objects');
    checkCaption(entry['plain'], `entries[${at}].plain`);
    need(Array.isArray(entry['variants']), `entries[${at}].variants`, 'a list');
    entry['variants'].forEach((one, index) => checkCaption(one, `entries[${at}].variants[${index}]`));
  }
  need(Array.isArray(failures), 'failures', 'a list');
  need(isWhole(total), 'total', 'a whole number');
  need(isOneOf(state, ['done', 'cancelled']), 'state', 'done or cancelled');
  checkScore(value['plain'], 'plain');
  need(Array.isArray(variants), 'variants', 'a list');
  for (const [at, one] of variants.entries()) {
    need(isTable(one) && isTable(one['reinforcement']), `variants[${at}]`, 'an object');
    checkReinforcement(one['reinforcement'], `variants[${at}].reinforcement`);
    checkScore(one['score'], `variants[${at}].score`);
    if (one['change'] !== undefined) checkChange(one['change'], `variants[${at}].change`);
  }
  if (value['sample'] !== undefined) checkSample(value['sample']);
  if (value['truthLabels'] !== undefined) checkLabels(value['truthLabels']);
  checkSeparation(separation);
  return value as unknown as HallucinationSet;
}

function checkSeparation(value: unknown): void {
  need(isTable(value) && isTable(value['histogram']), 'separation', 'an object with a histogram');
  for (const key of ['hallucinated', 'truthful']) {
    const values = value[key];
    const counts = value['histogram'][key];
    need(Array.isArray(values) && values.every(isNumber), `separation.${key}`, 'a list of numbers');
    need(Array.isArray(counts) && counts.every(isWhole), `separation.histogram.${key}`, 'a list of counts');
  }
  for (const key of ['from', 'to']) need(isNumber(value['histogram'][key]), `separation.histogram.${key}`, 'a number');
  need(value['auroc'] === null || isNumber(value['auroc']), 'separation.auroc', 'a number or null');
}

function check(value: unknown): SavedHallucination {
  if (isTable(value) && value['kind'] === 'headscope-hallucination-set') {
    checkHead(value, 'headscope-hallucination-set', 'saved set of captions');
    return checkSet(value);
  }
  checkHead(value, 'headscope-hallucination', 'saved result of a picture');
  return checkResult(value);
}

export const parseHallucination = (text: string): ParsedHallucination => parseChecked(text, check);

export const hallucinationText = (saved: SavedHallucination): string => `${JSON.stringify(saved, undefined, 2)}\n`;
