/**
 * The 80 object classes of COCO with words that captions use for them, in the singular. The classes are those of the data set;
 * the synonyms are Headscope's own and shorter than the list of Rohrbach et al., so figures made with it are compared only
 * with figures made with it. A lexicon of one's own takes its place: `--lexicon FILE`.
 */
import type { ObjectLexicon } from './lexicon';

const lines = `
person: man, woman, boy, girl, child, kid, baby, guy, lady, gentleman, player, skier, surfer, snowboarder, skateboarder, rider, driver, pedestrian, passenger, worker, chef, adult, toddler, teenager, officer, policeman, fireman, soldier, student, crowd, couple, friend, someone
bicycle: bike, cycle, tricycle
car: automobile, sedan, taxi, cab, suv, minivan, jeep, hatchback, limousine
motorcycle: motorbike, motor bike, motor cycle, scooter, moped
airplane: plane, aeroplane, air plane, aircraft, jet, jetliner, airliner, biplane
bus: minibus, coach, trolleybus
train: locomotive, tram, streetcar, subway
truck: lorry, pickup, van
boat: ship, canoe, kayak, sailboat, ferry, yacht, raft, gondola
traffic light: traffic signal, street light, stop light, stoplight
fire hydrant: hydrant
stop sign:
parking meter:
bench: pew
bird: duck, goose, seagull, gull, pigeon, parrot, owl, eagle, hawk, ostrich, swan, chicken, rooster, penguin, sparrow, crow, flamingo
cat: kitten, kitty
dog: puppy, pup, hound, terrier, poodle, labrador, bulldog, beagle
horse: pony, foal, stallion, mare, colt
sheep: lamb, ram, ewe
cow: cattle, calf, bull, ox, heifer
elephant:
bear: panda, grizzly, cub
zebra:
giraffe:
backpack: knapsack, rucksack
umbrella: parasol
handbag: purse, wallet, pocketbook
tie: necktie, bow
suitcase: suit case, luggage, briefcase
frisbee:
skis: ski
snowboard:
sports ball: ball, football, basketball, baseball, volleyball
kite:
baseball bat: bat
baseball glove: mitt
skateboard: longboard
surfboard:
tennis racket: racket, racquet
bottle: flask
wine glass: goblet
cup: mug, teacup
fork:
knife: cutter
spoon: ladle
bowl:
banana:
apple:
sandwich: burger, hamburger, cheeseburger, sub, panini
orange: tangerine, clementine
broccoli:
carrot:
hot dog: hotdog
pizza: calzone
donut: doughnut, bagel
cake: cupcake, cheesecake
chair: seat, armchair, stool, recliner
couch: sofa, loveseat, settee
potted plant: houseplant, plant
bed: mattress, cot, crib
dining table: table, desk
toilet: urinal, commode, lavatory
tv: television, monitor
laptop: laptop computer, notebook, netbook
mouse:
remote: controller
keyboard:
cell phone: phone, mobile phone, cellphone, smartphone, iphone, telephone
microwave:
oven: stove
toaster:
sink: basin
refrigerator: fridge, freezer
book: novel, magazine, textbook
clock:
vase: urn
scissors: scissor
teddy bear: teddy, teddybear
hair drier: hairdryer, hairdrier
toothbrush:
`;

export const cocoLexicon: ObjectLexicon = Object.fromEntries(
  lines
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', synonyms = ''] = line.split(':');
      return [
        name,
        synonyms
          .split(',')
          .map((word) => word.trim())
          .filter((word) => word !== ''),
      ];
    }),
);
