/** The commands that documents show: in fenced blocks, and inline behind `headscope`. */

export interface ShownCommand {
  /** As written, without what a shell does with the output. */
  readonly text: string;
  /** Behind `headscope`. */
  readonly words: readonly string[];
  /** In a sentence a command may be named without its arguments. */
  readonly inline: boolean;
}

/** What may stand before the words of a command: a prompt, a key of YAML, variables, a runner. */
const before =
  /^\s*(?:\$ |- )?(?:(?:run|entry|- run): )?(?:[A-Z_]+=\S+ )*(?:(?:npx|npm exec)(?: --?[\w-]+)* )?(?:headscope(?:@\S+)?|node dist\/cli\.js)(?= |$)/;

/** Words as a shell takes them, up to a comment, a pipe or a redirection. */
export function shellWords(text: string): readonly string[] {
  const words: string[] = [];
  const part = /\s*(?:(#.*|[|>;&].*)|((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|<\w+>|[^\s"'|>;&\\])+))/gsy;
  for (let found = part.exec(text); found?.[2] !== undefined; found = part.exec(text)) {
    words.push(
      found[2].replace(
        /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs,
        (_, double?: string, single?: string, escaped?: string) =>
          double === undefined ? (single ?? escaped ?? '') : double.replace(/\\(["\\$`])/g, '$1'),
      ),
    );
  }
  return words;
}

function commandOf(text: string, inline: boolean): readonly ShownCommand[] {
  const start = before.exec(text)?.[0];
  if (start === undefined) return [];
  const words = shellWords(text.slice(start.length)).filter(
    // It stands for a text behind an option, and else for what is left out.
    (word, at, all) => word !== '…' || all[at - 1]?.startsWith('-'),
  );
  return [{ text: text.trim(), words, inline }];
}

const fence = /^( *)```(\w*)[^\n]*\n([\s\S]*?)^\1```[ ]*$/gm;

/** As a shell reads them: a backslash at the end, or a quote that is open, goes on in the next line. */
function linesOf(body: string): readonly string[] {
  const lines: string[] = [];
  let open = '';
  for (const line of body.replace(/\\\n\s*/g, ' ').split('\n')) {
    const whole = open + line;
    // In lines that are no command, a quote may be an apostrophe.
    const isOpen = before.test(whole) && /^[^"]*"(?:[^"]*"[^"]*")*[^"]*$/.test(whole);
    open = isOpen ? `${whole}\n` : '';
    if (!isOpen) lines.push(whole);
  }
  return open === '' ? lines : [...lines, ...open.split('\n')];
}

export function commandsIn(markdown: string): readonly ShownCommand[] {
  const fenced = [...markdown.matchAll(fence)].flatMap(([, , language = '', body = '']) =>
    linesOf(body)
      .filter((line) => language !== 'console' || line.startsWith('$ '))
      .flatMap((line) => commandOf(line, false)),
  );
  const inline = [...markdown.replace(fence, '').matchAll(/(`+)((?:npx )?headscope [^`]+)\1/g)].flatMap(
    ([, , text = '']) => commandOf(text.replace(/\s*\n\s*/g, ' '), true),
  );
  return [...fenced, ...inline];
}

/** Interventions that a sentence shows as an option alone: `--do head:1.*=zero`. */
export const interventionsIn = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/(?:^|`)((?:--(?:do|gain|bias) (?:'[^']+'|[^\s`']+) ?)+)(?=`|$)/gm)].flatMap(
    ([, text = '']) => {
      const words = shellWords(text);
      return words.flatMap((word, at) => {
        const option = words[at - 1];
        return option === '--do'
          ? [word]
          : option === '--gain' || option === '--bias'
            ? [`${option.slice(2)}:${word}`]
            : [];
      });
    },
  );
