import { readFile } from 'node:fs/promises';
import { whyUnread } from '../../protocol/wire/unread';
import { wrongUsage } from './exit-codes';

export async function textFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw wrongUsage(`${path} cannot be read: ${whyUnread(error)}. Check the path.`);
  }
}

export async function jsonFile(path: string): Promise<unknown> {
  const text = await textFile(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrongUsage(`${path} is not valid JSON (${(error as Error).message}). Correct it.`);
  }
}

/** A JSON list, or one JSON value per line. */
export async function jsonRows(path: string): Promise<readonly unknown[]> {
  const text = await textFile(path);
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed as unknown[];
  } catch {
    // Not one value: perhaps one a line.
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, at) => {
    try {
      return JSON.parse(line) as unknown;
    } catch (error) {
      throw wrongUsage(
        `${path} is neither a JSON list nor a JSON value per line (line ${at + 1}: ${(error as Error).message}).`,
      );
    }
  });
}
