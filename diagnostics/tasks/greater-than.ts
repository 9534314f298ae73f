/** A year that has to be later than another one. */
import { Unfit, type DrawTools, type Task } from './task';
import { pick, textDraft } from './draft';
import * as field from '../../kernels/parameters';

const events = (
  'war siege journey voyage strike reign study dispute famine drought revolt treaty project course exhibition contract ' +
  'campaign conflict mission operation pilgrimage plague program rebellion survey trial tour work expedition empire'
).split(' ');

const two = (year: number): string => String(year).padStart(2, '0');
const years = Array.from({ length: 100 }, (_, year) => year);
const digits = Array.from({ length: 10 }, (_, digit) => digit);

type Form = 'two digits' | 'single digits';

/** How the tokenizer writes the year that is asked for behind its century. */
function formOf(century: number, { tokens }: DrawTools): Form {
  if (!tokens) return 'two digits';
  const before = ` ${century}`;
  const lengths = new Set([32, 47, 58].map((year) => tokens.behind(before, two(year))?.length));
  if (lengths.has(1)) return 'two digits';
  if (lengths.size === 1 && lengths.has(2)) return 'single digits';
  throw new Unfit(`The tokenizer splits "${century}32" neither into "${century}" and "32" nor into single digits.`);
}

export const greaterThan: Task<{ form: string }> = {
  id: 'greater-than',
  title: 'Greater than',
  metric: 'probability-difference',
  source: {
    reference: 'Hanna et al. 2023, arXiv:2305.00586, section 2',
    trust: 'high',
    note: 'Centuries 11 to 17, years 02 to 98, 30 nouns of our own choice. The counterpart starts in the year 01, as in the paper. Years that are one token with their century are left out. Where digits are single tokens the answer is the tens digit: later decades are right, earlier ones wrong, the same one neither.',
  },
  parameters: {
    form: field.choice(
      'Form',
      'What the answer is: the two last digits, their first alone, or what the tokenizer allows',
      { options: ['auto', 'two digits', 'single digits'], default: 'auto' },
    ),
  },
  roles: { year: 'the last two digits of the first year', century: 'the century, where it comes again' },
  changed: 'year',
  draw(tools, { form: asked }) {
    const { random, tokens } = tools;
    const century = 11 + random.whole(7);
    const form = asked === 'auto' ? formOf(century, tools) : asked;
    // In digits, a start in the first or last decade would leave no wrong or no right answer.
    const start = form === 'two digits' ? 2 + random.whole(97) : 10 + random.whole(80);
    const noun = pick(random, events);
    const isToken = (answer: string): boolean => !tokens || tokens.behind(` ${century}`, answer)?.length === 1;
    const whole = form === 'two digits';
    const all = whole ? years : digits;
    const least = whole ? start + 1 : Math.floor(start / 10) + 1;
    const most = whole ? start : Math.floor(start / 10) - 1;
    const answer = (value: number): string => (whole ? two(value) : String(value));
    const right = all
      .filter((value) => value >= least)
      .map(answer)
      .filter(isToken);
    const wrong = all
      .filter((value) => value <= most)
      .map(answer)
      .filter(isToken);
    if (right.length === 0 || wrong.length === 0) {
      throw new Unfit(`The tokenizer has no single tokens for years after "${century}".`);
    }
    return textDraft(
      [
        `The ${noun} lasted from the year ${century}`,
        ['year', two(start), '01'],
        ' to the year',
        ['century', ` ${century}`],
      ],
      { answers: { right, wrong }, facts: { century, start, form } },
    );
  },
};
