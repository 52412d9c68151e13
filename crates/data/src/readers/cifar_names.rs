//! The class names of CIFAR-10 and CIFAR-100, in label order, as the archives' own text files list them.

/// CIFAR-10.
pub const TEN: &str = "airplane automobile bird cat deer dog frog horse ship truck";

/// CIFAR-100, the 20 superclasses.
pub const COARSE: &str = "aquatic_mammals fish flowers food_containers fruit_and_vegetables \
     household_electrical_devices household_furniture insects large_carnivores large_man-made_outdoor_things \
     large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people \
     reptiles small_mammals trees vehicles_1 vehicles_2";

/// CIFAR-100, the 100 classes.
pub const FINE: &str = "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus \
     butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup \
     dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion \
     lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear \
     pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark \
     shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone \
     television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_name_per_class() {
        for (names, classes) in [(TEN, 10), (COARSE, 20), (FINE, 100)] {
            let names: Vec<&str> = names.split(' ').collect();
            assert_eq!(names.len(), classes);
            assert!(names.is_sorted(), "the archives list names in alphabetical order");
        }
    }
}
