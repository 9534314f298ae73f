import { readFile } from 'node:fs/promises';
import { whyUnread } from '../../protocol/wire/unread';
import { parseJsonText } from '../../protocol/wire/json-text';
import { wrongUsage } from './exit-codes';

export async function textFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw wrongUsage(`${path} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

export async function jsonFile(path: string): Promise<unknown> {
  const parsed = parseJsonText(await textFile(path));
  if (!parsed.ok) throw wrongUsage(`${path} is not valid JSON (${parsed.fault}). Correct it.`);
  return parsed.value;
}

/** A JSON list, or one JSON value per line. */
export async function jsonRows(path: string): Promise<readonly unknown[]> {
  const text = await textFile(path);
  const whole = parseJsonText(text);
  if (whole.ok && Array.isArray(whole.value)) return whole.value as unknown[];
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, at) => {
    const parsed = parseJsonText(line);
    if (parsed.ok) return parsed.value;
    throw wrongUsage(`${path} is neither a JSON list nor a JSON value per line (line ${at + 1}, ${parsed.fault}).`);
  });
}

/** Prompts, one a line, blank lines left out; in a .jsonl or .json file texts, or objects with a `text` or `prompt`. */
export async function promptTexts(path: string): Promise<readonly string[]> {
  const rows = /\.jsonl?$/i.test(path)
    ? await jsonRows(path)
    : (await textFile(path)).split(/\r?\n/).filter((line) => line.trim() !== '');
  if (rows.length === 0) throw wrongUsage(`${path} holds no prompt. Write one a line.`);
  return rows.map((row, at) => {
    const { text = undefined, prompt = text } = (typeof row === 'object' && row !== null ? row : {}) as {
      readonly text?: unknown;
      readonly prompt?: unknown;
    };
    const found = typeof row === 'string' ? row : prompt;
    if (typeof found === 'string' && found !== '') return found;
    throw wrongUsage(`${path} has no text in entry ${at + 1}. Write texts, or objects with a "text".`);
  });
}
