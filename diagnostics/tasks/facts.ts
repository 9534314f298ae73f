/** Facts of one word each: country and capital and the like. */
const pairs = (text: string): readonly (readonly [subject: string, answer: string])[] =>
  text.split(' ').map((pair) => {
    const [subject = '', answer = ''] = pair.split('-');
    return [subject, answer];
  });

export interface Relation {
  readonly templates: readonly string[];
  readonly facts: readonly (readonly [subject: string, answer: string])[];
}

export const relations = {
  capital: {
    templates: [
      'The capital of {subject} is',
      'It is well known that the capital of {subject} is',
      'As we all know, the capital of {subject} is',
      'We learned at school that the capital of {subject} is',
      'Do not forget that the capital of {subject} is',
      'Q: What is the capital of {subject}?\nA:',
    ],
    facts: pairs(
      'China-Beijing Russia-Moscow England-London France-Paris Japan-Tokyo Italy-Rome Canada-Ottawa Spain-Madrid Egypt-Cairo ' +
        'Portugal-Lisbon Austria-Vienna Greece-Athens Germany-Berlin Norway-Oslo Peru-Lima Cuba-Havana Poland-Warsaw ' +
        'Ireland-Dublin Sweden-Stockholm Turkey-Ankara Thailand-Bangkok Kenya-Nairobi Iran-Tehran Iraq-Baghdad ' +
        'Syria-Damascus Denmark-Copenhagen Finland-Helsinki Hungary-Budapest Vietnam-Hanoi Belgium-Brussels',
    ),
  },
  language: {
    templates: [
      'The official language of {subject} is',
      'In {subject}, most people speak',
      'People in {subject} speak',
    ],
    facts: pairs(
      'China-Chinese Russia-Russian England-English France-French Japan-Japanese Italy-Italian Spain-Spanish Mexico-Spanish ' +
        'Portugal-Portuguese Brazil-Portuguese Germany-German Austria-German Greece-Greek Norway-Norwegian Poland-Polish ' +
        'Sweden-Swedish Turkey-Turkish Denmark-Danish Finland-Finnish Hungary-Hungarian Egypt-Arabic Iraq-Arabic',
    ),
  },
  continent: {
    templates: ['{subject} is a country in', 'The country of {subject} lies in', 'On the map, {subject} is in'],
    facts: pairs(
      'China-Asia Japan-Asia India-Asia Thailand-Asia Vietnam-Asia Iran-Asia France-Europe Italy-Europe Spain-Europe ' +
        'Germany-Europe Norway-Europe Poland-Europe Egypt-Africa Kenya-Africa Ghana-Africa Nigeria-Africa',
    ),
  },
  opposite: {
    templates: ['The opposite of {subject} is', 'If it is not {subject}, then it is'],
    facts: pairs(
      'hot-cold big-small up-down left-right open-closed old-young fast-slow high-low light-dark wet-dry long-short ' +
        'rich-poor early-late good-bad full-empty hard-soft happy-sad strong-weak',
    ),
  },
} as const satisfies Readonly<Record<string, Relation>>;

export type RelationName = keyof typeof relations;
export const relationNames = Object.keys(relations) as readonly RelationName[];
