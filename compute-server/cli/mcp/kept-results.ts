/** Results of this server's calls, whole: a client reads them by their address, and `compare` takes it. Nothing is written to disk. */
import { resultPage } from './result-page';
import type { Answer, Kept } from './agent';

const scheme = 'headscope://results/';
/** How many results are kept, and how many characters of them. */
const most = { results: 20, characters: 2 ** 26 };
/** Longest text and longest JSON of an answer, in characters: the rest is read by its address. */
const longest = { text: 12_000, json: 24_000 };

export class KeptResults {
  private readonly results: { readonly characters: number; readonly json: Kept; readonly page: Kept }[] = [];
  private count = 0;

  /** The answer to a call that gave a result. */
  answer(title: string, text: string, json: Readonly<Record<string, unknown>>): Answer {
    this.count += 1;
    const [name, whole] = [`${scheme}${this.count}`, JSON.stringify(json)];
    const result = {
      characters: whole.length,
      json: { uri: `${name}.json`, name: `${title}, result`, mimeType: 'application/json', read: () => whole },
      page: {
        uri: `${name}.html`,
        name: `${title}, page`,
        description: 'The result drawn, for people: a page of about a megabyte, which loads nothing.',
        mimeType: 'text/html',
        forPeople: true,
        read: () => resultPage(title, text, json),
      },
    };
    this.results.push(result);
    while (this.results.length > 1 && (this.results.length > most.results || this.size() > most.characters)) {
      this.results.shift();
    }
    const isShort = whole.length <= longest.json;
    return {
      text: shortened(text, result.page.uri),
      json: isShort ? json : { result: result.json.uri, characters: whole.length },
      more: [result.json, result.page],
    };
  }

  all(): readonly Kept[] {
    return this.results.flatMap(({ json, page }) => [json, page]);
  }

  /** The JSON of a result by its address; undefined where it is none, or is not kept any more. */
  json(uri: string): string | undefined {
    return this.results.find(({ json }) => json.uri === uri)?.json.read();
  }

  private size(): number {
    return this.results.reduce((sum, { characters }) => sum + characters, 0);
  }
}

export const isAddress = (text: string): boolean => text.startsWith(scheme);

function shortened(text: string, uri: string): string {
  if (text.length <= longest.text) return text;
  const kept = text.slice(0, text.lastIndexOf('\n', longest.text));
  return `${kept}\n… ${text.length - kept.length} more characters: ${uri} has all.`;
}
