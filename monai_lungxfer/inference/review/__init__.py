"""The review page: one HTML file in which a person looks through the results of `lungxfer predict`."""
