"""The drawings of each class, from Debian's package openclipart-png (Open Clip Art Library 0.18, public domain).

Paths are relative to ROOT. Chosen by eye: one thing a drawing, a transparent ground, recognisable at 20 pixels.
"""
import functools
import os

import numpy as np
from PIL import Image

ROOT = os.environ.get("OPENCLIPART", "/usr/share/openclipart/png")
FILES = {
    "house": [
        "buildings/homes/casa_dei_sogni_architett_01.png",
        "buildings/homes/casa_verde_architetto_fr_01.png",
        "buildings/homes/home0.png",
        "buildings/homes/home1.png",
        "buildings/homes/home12.png",
        "buildings/homes/home14.png",
        "buildings/homes/home3.png",
        "buildings/homes/home6.png",
        "buildings/homes/house_christoph_brill_01.png",
        "buildings/homes/house_juliane_krug_01.png",
        "buildings/homes/my_house_01.png",
        "buildings/homes/small_house_01.png"],
    "tree": [
        "plants/albero_architetto_france_01.png",
        "plants/trees/cartoon_tree_01.png",
        "plants/trees/christmas_tree_mo_01.png",
        "plants/trees/evergreen/plain_tree_01.png",
        "plants/trees/evergreen/simple_evergreen_with_highlights_01.png",
        "plants/trees/evergreen/tree.png",
        "plants/trees/fall_coloured_tree_geral_01.png",
        "plants/trees/tree_branches_and_roots_01.png",
        "plants/trees/tree_whit_fruits_01.png"],
    "boat": [
        "transportation/boating/boat_jarno_vasamaa1.png",
        "transportation/boating/boat_jarno_vasamaa_.png",
        "transportation/boating/sailboat_illustration.png",
        "transportation/vehicles/trawler_01.png"],
    "dog": [
        "animals/mammals/dog_01_drawn_with_strai_01.png",
        "animals/mammals/dog_03_drawn_with_strai_01.png",
        "animals/mammals/dog_04_drawn_with_strai_01.png",
        "animals/mammals/dog_05_drawn_with_strai_01.png",
        "animals/mammals/dog_06_drawn_with_strai_01.png",
        "animals/mammals/dog_on_leash_gerald_g._02.png",
        "animals/mammals/dogs/beagle_copper_ganson.png"],
    "cat": [
        "animals/mammals/cartoon_cat_gerald_g._01.png",
        "animals/mammals/housecats/gattina_cat_architetto_f_01.png",
        "animals/mammals/housecats/gatto_cat_architetto_fra_01.png",
        "animals/mammals/housecats/gatto_cat_architetto_fra_03.png",
        "animals/mammals/housecats/gatto_cat_architetto_fra_04.png",
        "animals/mammals/housecats/kitten_gerald_g._01.png"],
    "horse": [
        "animals/mammals/horses/cavallo_architetto_franc_01.png",
        "animals/mammals/horses/cavallo_architetto_franc_02.png",
        "animals/mammals/horses/cavallo_architetto_franc_03.png",
        "animals/mammals/horses/cavallo_architetto_franc_05.png",
        "animals/mammals/horses/cavallo_architetto_franc_06.png",
        "animals/mammals/horses/cavallo_architetto_franc_07.png"],
    "car": [
        "transportation/blazer_01.png",
        "transportation/car_jamin_ellis_.png",
        "transportation/dodge_neon_green_ganson.png",
        "transportation/dodge_neon_pink_ganson.png",
        "transportation/hummer_03.png",
        "transportation/redcar_marcelo_caiafa_.png",
        "transportation/skoda_car_alejandro_teja_.png",
        "transportation/sportcar_sergio_luiz_ara_01.png",
        "transportation/vehicles/car.png"],
    "airplane": [
        "shapes/airplane_nicu_buculei_01.png",
        "transportation/vehicles/aircraft_jarno_vasamaa1.png",
        "transportation/vehicles/aircraft_jarno_vasamaa2.png",
        "transportation/vehicles/aircraft_jarno_vasamaa3.png",
        "transportation/vehicles/aircraft_jarno_vasamaa4.png",
        "transportation/vehicles/aircraft_jarno_vasamaa_.png",
        "transportation/vehicles/plane_silhouet_mo_01.png"],
    "bear": [
        "animals/mammals/bears/bear_peterm_01.png",
        "animals/mammals/bears/orso_architetto_francesc_01.png",
        "animals/mammals/bears/orso_architetto_francesc_02.png",
        "animals/mammals/bears/orso_architetto_francesc_03.png",
        "animals/mammals/bears/orso_architetto_francesc_04.png",
        "animals/mammals/bears/ours_etienne_bersac_r.png"],
    "guitar": [
        "recreation/music/bass_guitar_a.j._ashton_.png",
        "recreation/music/electric_guitar_andrea__01r.png",
        "recreation/music/guitar_ganson.png",
        "recreation/music/guitar_jarno_vasamaa1.png",
        "recreation/music/guitar_jarno_vasamaa2.png",
        "recreation/music/guitar_profile_philippe__01.png"],
    "clock": [
        "signs_and_symbols/clocks/alarm_clock_mike_powers_.png",
        "signs_and_symbols/clocks/analog_clock_jonathan_di_01.png",
        "signs_and_symbols/clocks/analogue_clock_01.png",
        "signs_and_symbols/clocks/clock01.png",
        "signs_and_symbols/clocks/clock06.png",
        "signs_and_symbols/clocks/modern_clock_chris_kemps_01.png",
        "signs_and_symbols/clocks/orologio_da_parete_archi_01.png"],
    "mug": [
        "food/beverages/coffee.png",
        "food/beverages/coffee_ganson.png",
        "food/beverages/cuppa_schwoo_01.png",
        "food/beverages/mug.png",
        "food/beverages/mug_toh_yen_cheng_01.png",
        "food/beverages/teacup_ganson.png",
        "food/beverages/zielony_kubek_herbaty_-_01.png"],
    "cake": [
        "food/desserts/birthday_cake.png",
        "food/desserts/cake1_jarno_vasamaa_01.png",
        "food/desserts/cake_etienne_bersac_r.png",
        "food/desserts/pink_cake_gabrielle_now_r.png",
        "food/desserts/torta_architetto_frances_01.png"],
    "flower": [
        "plants/flowers/flower1_juliane_krug_01.png",
        "plants/flowers/flower2_juliane_krug_01.png",
        "plants/flowers/flower_01.png",
        "plants/flowers/flower_02.png",
        "plants/flowers/flower_peterm_01.png",
        "plants/flowers/flowerandpot_daniel_ste_r.png",
        "plants/flowers/funnyflower_02.png",
        "plants/flowers/red_flower_raphael_seban_01.png",
        "plants/flowers/sakura_01.png"],
    "bird": [
        "animals/birds/bird_of_peace_mauro_oliv_01.png",
        "animals/birds/crow_01.png",
        "animals/birds/dove_symbol.png",
        "animals/birds/gabbiano_architetto_fran_01.png",
        "animals/birds/jonathon_s_duck_01.png",
        "animals/birds/puffin-md.png",
        "animals/birds/uccello_profilo_01_archi_01.png"],
    "fish": [
        "animals/fish/altum_angelfish_01.png",
        "animals/fish/brown_fish_01.png",
        "animals/fish/clown_loach_01.png",
        "animals/fish/giraffe_cichlid_01.png",
        "animals/fish/pescetto_arancione_archi_01.png",
        "animals/fish/yellow_gourami_01.png",
        "unsorted/pescetto.png"],
    "ball": [
        "recreation/games/8_ball_jarno_vasamaa.png",
        "recreation/sports/soccer_ball_ganson.png",
        "recreation/sports/soccer_ballon_tanguy_jac_.png",
        "recreation/sports/volley-ball_andrea_bianc_01.png",
        "recreation/sports/volley_ball_angelo_gelmi_01.png",
        "recreation/toys/ball.png",
        "recreation/toys/beachball_v0.1.png"],
    "butterfly": [
        "animals/bugs/butterfly_from_star_thom_01.png",
        "animals/bugs/butterfly_jonathan_dietr_01.png",
        "animals/bugs/butterfly_jonvdveen_01.png",
        "animals/bugs/farfalla_butterfly_fra1.png",
        "animals/bugs/farfalla_semplice_archit_01.png",
        "animals/bugs/farfalla_stilizzata_arch_01.png"],
    "apple": [
        "food/fruit/an_apple_01.png",
        "food/fruit/another_apple_01.png",
        "food/fruit/apple.png",
        "food/fruit/apple_bitten_dan_gerhard_01.png",
        "food/fruit/apple_martin_schmidt-li_01r.png",
        "food/fruit/cartoon_apple_k_yager_01.png"],
    "sign": [
        "transportation/roadsigns/Give_Way.png",
        "transportation/roadsigns/curvy_road_ahead_sign_01.png",
        "transportation/roadsigns/no_entry.png",
        "transportation/roadsigns/roundabout.png",
        "transportation/roadsigns/stop_sign_01.png",
        "transportation/roadsigns/tram.png",
        "transportation/roadsigns/turn_ahead.png"],
    "cloud": [
        "computer/diagrams/network_cloud.png",
        "signs_and_symbols/weather/cloudy01.png",
        "signs_and_symbols/weather/cloudy02.png",
        "signs_and_symbols/weather/w_cloud.png"],
    "bee": [
        "animals/bugs/abeille_tanguy_jacq_01.png",
        "animals/bugs/bee.png",
        "animals/bugs/bee1_mimooh_01.png",
        "animals/bugs/bee2_mimooh_01.png",
        "animals/bugs/bee3_mimooh_01.png",
        "animals/bugs/flying_wasp_gerald_g._01.png"],
    "note": [
        "recreation/music/double_note_jean-victor__01.png",
        "recreation/music/double_note_two_jean-vic_01.png",
        "recreation/music/funny_music_note_01.png",
        "recreation/music/musical_note_2_dennis_bo_01.png",
        "recreation/music/musical_note_3_dennis_bo_01.png",
        "recreation/music/musical_note_nicu_bucule_01.png"],
    "heart": [
        "recreation/holiday/valentines/heart-arrow_benji_park_01.png",
        "recreation/holiday/valentines/heart.png",
        "recreation/holiday/valentines/heart_highlight_jon_phil_01.png",
        "recreation/holiday/valentines/heart_jon_phillips_01.png",
        "recreation/holiday/valentines/heart_left-highlight_jon_01.png",
        "recreation/holiday/valentines/hearth_christoph_brill_01.png",
        "signs_and_symbols/card_figures_-_heart_01.png"],
    "hat": [
        "people/clothing/hats/aussie_hat_01.png",
        "people/clothing/hats/baseball_cap_ganson.png",
        "people/clothing/hats/blue_fedora.png",
        "people/clothing/hats/hat_-_clothing_nicu_bucu_02.png",
        "people/clothing/hats/hat_-_clothing_nicu_bucu_03.png",
        "people/clothing/hats/hat_01.png",
        "people/clothing/hats/purple_hat_nicu_buculei_01.png",
        "people/clothing/hats/red_fedora.png",
        "people/clothing/hats/sombrero_dave_pena_01.png",
        "people/clothing/hats/tophat_benji_park_01.png"],
    "book": [
        "education/books/book_01.png",
        "education/books/books-aj.svg_aj_ashton_01.png",
        "education/books/closed_book_01.png",
        "education/books/diary_costea_bogdan_01.png",
        "education/books/libro_di_ricette_di_cuc_01.png",
        "education/books/open_bible_01_01.png",
        "education/books/stack_of_books_01.png"],
    "balloon": [
        "recreation/party/balloon-black-aj.png",
        "recreation/party/balloon-blue-aj.png",
        "recreation/party/balloon-green-aj.png",
        "recreation/party/balloon-orange-aj.png",
        "recreation/party/balloon-purple-aj.png",
        "recreation/party/balloon-red-aj.png",
        "recreation/party/balloon-yellow-aj.png"],
    "gift": [
        "recreation/holiday/gift01.png",
        "recreation/holiday/gift02.png",
        "recreation/holiday/gift03.png",
        "recreation/holiday/gift04.png",
        "recreation/holiday/gift05.png",
        "recreation/party/pacco_regalo_architetto__01.png"],
}


@functools.lru_cache(maxsize=None)
def original(name, index):
    """A drawing cut to what is not transparent, at most 128 pixels, RGBA."""
    picture = Image.open(os.path.join(ROOT, FILES[name][index])).convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda value: 255 if value > 20 else 0).getbbox())
    picture.thumbnail((128, 128), Image.Resampling.LANCZOS)
    return picture


@functools.lru_cache(maxsize=None)
def drawing(name, index, size, mirrored):
    """Colors [height, width, 3] and cover [height, width, 1] in 0 to 1; the longer side has `size` pixels."""
    picture = original(name, index)
    longest = max(picture.size)
    picture = picture.resize([max(1, round(side * size / longest)) for side in picture.size], Image.Resampling.LANCZOS)
    if mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    out = np.asarray(picture, dtype=np.float32)
    return out[:, :, :3], out[:, :, 3:] / 255
